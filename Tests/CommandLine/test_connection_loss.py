"""A broker that goes away while brokerctl is at work."""

import os
import pathlib
import signal
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
UNREACHABLE = 69


@pytest.fixture
def own_broker(tmp_path):
    """A broker of this test's own: its process and its URL."""
    program = os.environ.get("BROKERD", str(ROOT / ".build/release/brokerd"))
    process = subprocess.Popen(
        [program, "--listen", "127.0.0.1:0", "--data-dir", str(tmp_path)],
        stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if "listening=" in line:
            address = line.rsplit("listening=", 1)[1].strip()
            break
    yield process, "amqp://%s/" % address
    process.kill()
    process.wait()
    process.stderr.close()


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_subscription_ends_with_69_when_its_broker_is(run, start, own_broker, end):
    process, url = own_broker
    assert run("queue", "declare", "q", "--url", url).status == 0
    running = start("subscribe", "q", "--url", url).wait_until_listening()
    process.send_signal(end)
    result = running.end()
    assert result.status == UNREACHABLE
    assert result.err.splitlines()[-1].startswith("brokerctl: ")


def test_stopped_broker_tells_its_clients_and_ends_with_0(start, own_broker):
    process, url = own_broker
    running = start("subscribe", "--exchange", "amq.fanout", "--url", url).wait_until_listening()
    process.send_signal(signal.SIGTERM)
    assert "320" in running.end().err or "CONNECTION_FORCED" in running.end().err
    assert process.wait(20) == 0


def test_interrupted_subscription_gives_its_messages_back(run, start, queue):
    for text in ("one", "two"):
        assert run("publish", "--confirm", "--key", queue, text).status == 0
    running = start("subscribe", queue, "--ack", "requeue")
    assert running.process.stdout.readline() == "one\n"
    assert running.process.stdout.readline() == "two\n"
    running.process.send_signal(signal.SIGINT)
    running.process.wait(20)
    assert run("get", queue, "--count", "2", "-o", "text").out == "one\ntwo\n"
