"""The tour in README.md does and prints what the page says."""

import os
import pathlib
import re
import shlex
import subprocess
import sys

import pytest

README = (pathlib.Path(__file__).resolve().parent.parent.parent / "README.md").read_text()


def blocks(kind):
    """The fenced blocks of one kind, in order."""
    return re.findall(r"^```%s\n(.*?)^```$" % kind, README, re.MULTILINE | re.DOTALL)


def commands():
    """What stands behind a prompt in console blocks, each with the lines it prints."""
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, printed = part.partition("\n")
            yield command, printed


def essence(text):
    """The text without what differs from run to run: rates, sizes in memory, column widths."""
    text = re.sub(r"[\d.,]+/s", "N/s", text)
    text = re.sub(r"[\d.,]+ (B|KiB|MiB)\b", "N B", text)
    return [line.split() for line in text.strip().splitlines()]


@pytest.fixture
def clean(run):
    def forget():
        run("exchange", "delete", "logs")
        run("queue", "delete", "jobs")

    forget()
    yield
    forget()


def test_brokerctl_tour(clean, start):
    listening, seen = [], 0
    for command, printed in commands():
        words = shlex.split(command)
        if words[0] != "brokerctl":
            continue
        seen += 1
        if words[1] == "subscribe" and "--exchange" in words:
            running = start(*words[1:], "--count", str(len(printed.splitlines()) - 1))
            listening.append((running.wait_until_listening(), command, printed))
            continue
        done = subprocess.run(words, text=True, timeout=20, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        assert done.returncode == 0, command
        assert essence(done.stdout) == essence(printed), command
    for running, command, printed in listening:
        result = running.end()
        assert essence(result.err + result.out) == essence(printed), command
    assert seen >= 8 and listening


def test_python_tour(clean):
    program, = blocks("python")
    printed, = blocks("text")
    url = os.environ["AMQP_URL"]
    local = program.replace("amqp://guest:guest@127.0.0.1:5672/%2F", url)
    assert local != program
    done = subprocess.run([sys.executable, "-c", local], text=True, timeout=20,
                          capture_output=True)
    assert (done.stderr, done.stdout) == ("", printed)
