"""Clients that do not read what they asked for: brokerd does not keep it all for them.

BROKERD_PID is the broker's process, whose resident memory is watched. Without it these tests
are skipped.
"""

import os
import pathlib
import threading
import time

import pytest

from wire import header_frame, method_frame, publish_frames

pytestmark = pytest.mark.robustness

MIB = 1 << 20
BODY = b"x" * 65536
# Far more than any buffer between the two, far less than what is asked for.
GROWTH_MAX = 48 * MIB
COUNT = 2400


@pytest.fixture
def resident():
    """resident() is the broker's resident memory in octets."""
    if "BROKERD_PID" not in os.environ:
        pytest.skip("BROKERD_PID is not set")
    status = pathlib.Path("/proc/%s/status" % os.environ["BROKERD_PID"])

    def read():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) * 1024

    return read


class Flood:
    """Sends octets from a thread of its own, as far as the broker takes them."""

    def __init__(self, client, parts):
        self.sent = 0
        self._client = client
        self._parts = parts
        client.sock.settimeout(40)
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()

    def _send(self):
        for part in self._parts:
            self._client.sock.sendall(part)
            self.sent += 1

    def wait_until_stuck(self, resident):
        """Returns the highest memory seen until everything is sent or nothing moves any more."""
        highest, last, since = 0, -1, time.monotonic()
        while self._thread.is_alive() and time.monotonic() - since < 1:
            if self.sent != last:
                last, since = self.sent, time.monotonic()
            highest = max(highest, resident())
            time.sleep(0.01)
        return max(highest, resident())

    def finish(self):
        self._thread.join(40)
        assert not self._thread.is_alive(), "the broker takes no more"


def test_returns_nobody_reads_hold_the_publisher_up(connect, q, resident):
    client, name = connect(), q()
    ch = client.channel(1)
    before = resident()
    flood = Flood(client, [publish_frames(1, "", name, BODY, None, True)] * COUNT)
    assert flood.wait_until_stuck(resident) - before < GROWTH_MAX
    for _ in range(COUNT):
        event = ch.expect("basic.return", timeout=40)
        assert len(event.body) == len(BODY)
    flood.finish()


def test_answers_to_get_nobody_reads_hold_the_client_up(connect, ch, q, resident):
    client, name = connect(), q()
    ch.declare(name)
    ch.confirm()
    for _ in range(COUNT):
        ch.publish(BODY, name)
    confirmed = 0
    while confirmed < COUNT:
        confirmed = ch.expect("basic.ack", timeout=40).delivery_tag
    reader = client.channel(1)
    before = resident()
    flood = Flood(client, [method_frame(1, "basic.get", queue=name, no_ack=True)] * COUNT)
    assert flood.wait_until_stuck(resident) - before < GROWTH_MAX
    for _ in range(COUNT):
        assert len(reader.expect("basic.get-ok", timeout=40).body) == len(BODY)
    flood.finish()


def test_small_answers_nobody_reads_hold_the_client_up(connect, q, resident):
    client, name = connect(), q()
    ch = client.channel(1)
    ch.declare(name)
    rounds, each = 400, 1000
    before = resident()
    burst = method_frame(1, "queue.declare", queue=name, passive=True) * each
    flood = Flood(client, [burst] * rounds)
    assert flood.wait_until_stuck(resident) - before < GROWTH_MAX
    client.drop()


def test_announced_bodies_on_many_channels_take_no_memory_before_they_come(connect, q, resident):
    client, name = connect(), q()
    before = resident()
    for number in range(1, 201):
        client.channel(number)
        client.send(method_frame(number, "basic.publish", routing_key=name)
                    + header_frame(number, 100 * MIB))
    client.channel(201).sync()
    assert resident() - before < GROWTH_MAX


def test_memory_of_messages_is_used_again_when_they_are_gone(ch, q, resident):
    name = q()
    ch.declare(name)

    def fill_and_purge():
        for _ in range(1000):
            ch.publish(BODY, name)
        ch.wait_count(name, 1000)
        ch.call("queue.purge", queue=name)

    fill_and_purge()
    once = resident()
    for _ in range(5):
        fill_and_purge()
    assert resident() - once < GROWTH_MAX
