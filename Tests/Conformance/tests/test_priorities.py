"""Priorities of messages."""

import pytest

pytestmark = pytest.mark.extensions


# ---- priorities

def test_higher_priorities_come_first_and_ties_keep_their_order(ch, q):
    name = q()
    ch.declare(name, arguments={"x-max-priority": 10})
    for body, priority in ((b"a1", 1), (b"b5", 5), (b"c1", 1), (b"d9", 9), (b"e5", 5)):
        ch.publish(body, name, priority=priority)
    assert [m.body for m in ch.drain(name)] == [b"d9", b"b5", b"e5", b"a1", b"c1"]


def test_message_without_priority_counts_as_zero(ch, q):
    name = q()
    ch.declare(name, arguments={"x-max-priority": 5})
    ch.publish(b"none", name)
    ch.publish(b"zero", name, priority=0)
    ch.publish(b"one", name, priority=1)
    assert [m.body for m in ch.drain(name)] == [b"one", b"none", b"zero"]


def test_priority_above_the_maximum_counts_as_the_maximum(ch, q):
    name = q()
    ch.declare(name, arguments={"x-max-priority": 5})
    ch.publish(b"five", name, priority=5)
    ch.publish(b"nine", name, priority=9)
    got = ch.drain(name)
    assert [m.body for m in got] == [b"five", b"nine"]
    assert got[1].props["priority"] == 9


def test_priority_is_ignored_without_max_priority(ch, q):
    name = q()
    ch.declare(name)
    for priority in (1, 9, 5):
        ch.publish(b"%d" % priority, name, priority=priority)
    assert [m.body for m in ch.drain(name)] == [b"1", b"9", b"5"]


def test_requeued_message_keeps_its_priority(ch, q):
    name = q()
    ch.declare(name, arguments={"x-max-priority": 5})
    ch.publish(b"high", name, priority=4)
    got = ch.get_soon(name, no_ack=False)
    ch.publish(b"low", name, priority=1)
    ch.publish(b"higher", name, priority=5)
    ch.nack(got.delivery_tag)
    ch.wait_count(name, 3)
    assert [m.body for m in ch.drain(name)] == [b"higher", b"high", b"low"]


def test_full_priority_queue_drops_its_head_however_urgent(ch, q):
    name = q()
    ch.declare(name, arguments={"x-max-length": 1, "x-max-priority": 5})
    ch.publish(b"urgent", name, priority=5)
    ch.publish(b"idle", name, priority=0)
    assert [m.body for m in ch.drain(name)] == [b"idle"]


def test_waiting_consumer_takes_priorities_as_it_acknowledges(ch, q):
    name = q()
    ch.declare(name, arguments={"x-max-priority": 3})
    for priority in (0, 1, 2, 3):
        ch.publish(b"%d" % priority, name, priority=priority)
    ch.wait_count(name, 4)
    ch.qos(1)
    ch.consume(name)
    seen = []
    for n in range(4):
        event = ch.delivery()
        seen.append(event.body)
        ch.ack(event.delivery_tag)
    assert seen == [b"3", b"2", b"1", b"0"]
