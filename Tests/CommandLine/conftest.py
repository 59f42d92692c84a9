import os
import subprocess
import threading
import uuid

import pytest

SECONDS_MAX = 20


class Result:
    """How one run of brokerctl ended."""

    def __init__(self, status, out, err):
        self.status = status
        self.out = out
        self.err = err

    def sentence(self):
        """The one sentence a failure is allowed; nothing else may have been printed."""
        lines = self.err.splitlines()
        assert len(lines) == 1, "not one line: %r" % self.err
        assert lines[0].startswith("brokerctl: "), self.err
        assert self.out == ""
        return lines[0].removeprefix("brokerctl: ")


class Running:
    """brokerctl while it runs, and what it has said on standard error."""

    def __init__(self, arguments, **options):
        self.process = subprocess.Popen(
            ["brokerctl", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, **options)
        self._said = threading.Condition()
        self._err = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stderr:
            with self._said:
                self._err.append(line)
                self._said.notify_all()

    def wait_until_listening(self):
        """Returns when it has said what it waits for: from then on it misses nothing."""
        with self._said:
            ready = self._said.wait_for(
                lambda: any(line.startswith("waiting for messages") for line in self._err),
                SECONDS_MAX)
            assert ready, "said only %r" % self._err
        return self

    def end(self):
        """Waits for it to end by itself."""
        out = self.process.stdout.read() if self.process.stdout else ""
        status = self.process.wait(SECONDS_MAX)
        self._reader.join(SECONDS_MAX)
        return Result(status, out, "".join(self._err))


@pytest.fixture
def run():
    """run(*arguments, input=None) runs brokerctl to its end."""

    def make(*arguments, input="", **environment):
        done = subprocess.run(["brokerctl", *arguments], input=input, capture_output=True,
                              text=True, timeout=SECONDS_MAX, env={**os.environ, **environment})
        return Result(done.returncode, done.stdout, done.stderr)

    return make


@pytest.fixture
def start():
    """start(*arguments) starts brokerctl and leaves it running."""
    made = []

    def make(*arguments, **options):
        running = Running(arguments, **options)
        made.append(running)
        return running

    yield make
    for running in made:
        running.process.kill()
        running.process.wait()


@pytest.fixture
def queue(run):
    """A fresh queue, deleted afterwards."""
    name = "cli." + uuid.uuid4().hex[:8]
    assert run("queue", "declare", name).status == 0
    yield name
    run("queue", "delete", name)


@pytest.fixture(scope="session")
def address():
    """host:port of the broker."""
    return os.environ["BROKERCTL_URL"].split("@")[1].split("/")[0]
