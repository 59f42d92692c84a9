"""Streams (x-queue-type=stream), as one node shows them over AMQP 0-9-1."""

import time

import pytest

from wire import ChannelClosed, ConnectionClosed, Typed

pytestmark = pytest.mark.extensions

STREAM = {"x-queue-type": "stream"}


def make_stream(ch, q, count=0, **arguments):
    """A stream with messages b"0", b"1" ... that are confirmed."""
    name = q()
    ch.declare(name, durable=True, arguments={**STREAM, **arguments})
    if count:
        ch.confirm()
        publish(ch, name, range(count))
    return name


def publish(ch, name, numbers):
    for n in numbers:
        ch.confirmed_publish(b"%d" % n, name)


def read(ch, queue, count, offset=None, prefetch=100, **arguments):
    """The next `count` messages from an offset on, all acknowledged."""
    if offset is not None:
        arguments["x-stream-offset"] = offset
    ch.qos(prefetch)
    tag = ch.consume(queue, no_ack=False, arguments=arguments)
    got = []
    for _ in range(count):
        event = ch.delivery()
        got.append(event)
        ch.ack(event.delivery_tag)
    ch.idle()
    ch.cancel(tag)
    return got


def bodies(events):
    return [int(event.body) for event in events]


# ---- declaring

@pytest.mark.parametrize("flags", [{"durable": False}, {"durable": True, "exclusive": True},
                                   {"durable": True, "auto_delete": True}],
                         ids=["transient", "exclusive", "auto-delete"])
def test_stream_must_be_durable_shared_and_lasting_406(ch, q, flags):
    with pytest.raises(ChannelClosed) as error:
        ch.declare(q(), arguments=STREAM, **flags)
    assert error.value.code == 406


@pytest.mark.parametrize("argument,value", [
    ("x-max-length", 5), ("x-max-priority", 5), ("x-dead-letter-exchange", ""),
    ("x-dead-letter-routing-key", "k"), ("x-message-ttl", 1000), ("x-expires", 10000),
    ("x-overflow", "drop-head"), ("x-single-active-consumer", True), ("x-delivery-limit", 3),
    ("x-queue-mode", "lazy"), ("x-queue-master-locator", "min-masters"),
    ("x-quorum-initial-group-size", 1), ("x-max-in-memory-length", 5),
    ("x-max-in-memory-bytes", 5), ("x-dead-letter-strategy", "at-least-once"),
    ("x-queue-version", 2)])
def test_stream_refuses_arguments_of_other_queues_406(ch, q, argument, value):
    with pytest.raises(ChannelClosed) as error:
        ch.declare(q(), durable=True, arguments={**STREAM, argument: value})
    assert error.value.code == 406


@pytest.mark.parametrize("argument,value", [
    ("x-max-age", 5), ("x-max-age", "1x"), ("x-max-age", "10"), ("x-max-age", "0s"),
    ("x-max-age", "1.5h"), ("x-max-length-bytes", -1), ("x-max-length-bytes", "a"),
    ("x-stream-max-segment-size-bytes", -5), ("x-stream-max-segment-size-bytes", "a"),
    ("x-stream-max-segment-size-bytes", 5_000_000_000), ("x-initial-cluster-size", 0),
    ("x-initial-cluster-size", "a"), ("x-queue-leader-locator", "bad")])
def test_stream_refuses_values_out_of_range_406(ch, q, argument, value):
    with pytest.raises(ChannelClosed) as error:
        ch.declare(q(), durable=True, arguments={**STREAM, argument: value})
    assert error.value.code == 406


@pytest.mark.parametrize("argument,value", [
    ("x-max-age", "1Y"), ("x-max-age", "2M"), ("x-max-age", "7D"), ("x-max-age", "12h"),
    ("x-max-age", "5m"), ("x-max-age", "30s"), ("x-max-length-bytes", 100_000),
    ("x-stream-max-segment-size-bytes", 0), ("x-stream-max-segment-size-bytes", 100),
    ("x-initial-cluster-size", 1), ("x-queue-leader-locator", "client-local"),
    ("x-stream-filter-size-bytes", 16)])
def test_stream_takes_its_own_arguments(ch, q, argument, value):
    name = make_stream(ch, q, **{argument: value})
    assert ch.declare(name, durable=True, arguments={**STREAM, argument: value}).queue == name


@pytest.mark.parametrize("other", [
    {}, {**STREAM, "x-max-age": "1h"}, {**STREAM, "x-max-length-bytes": 1000},
    {**STREAM, "x-stream-max-segment-size-bytes": 1000}],
    ids=["classic", "max-age", "max-length-bytes", "segment-size"])
def test_stream_redeclared_otherwise_is_406(ch, q, other):
    name = make_stream(ch, q)
    with pytest.raises(ChannelClosed) as error:
        ch.declare(name, durable=True, arguments=other)
    assert error.value.code == 406


def test_stream_must_have_a_name_406(ch):
    with pytest.raises(ChannelClosed) as error:
        ch.declare("", durable=True, arguments=STREAM)
    assert error.value.code == 406


# ---- where a consumer begins

@pytest.mark.parametrize("offset,first", [
    ("first", 0), ("last", 9), (0, 0), (3, 3), (9, 9), (-1, 0), ("1h", 0), ("10m", 0), ("1Y", 0),
    (Typed("T", 1), 0)],
    ids=["first", "last", "0", "3", "9", "-1", "1h", "10m", "1Y", "timestamp"])
def test_stream_is_read_from_an_offset_on(ch, q, offset, first):
    name = make_stream(ch, q, 10)
    got = read(ch, name, 10 - first, offset)
    assert bodies(got) == list(range(first, 10))
    assert [event.headers["x-stream-offset"] for event in got] == list(range(first, 10))


@pytest.mark.parametrize("offset,expected", [
    (None, list(range(10, 20))), ("next", list(range(10, 20))), (15, list(range(15, 20))),
    (Typed("T", 1 << 33), list(range(10, 20)))],
    ids=["none", "next", "beyond the end", "in the future"])
def test_stream_consumer_at_the_end_gets_what_comes(ch, q, offset, expected):
    name = make_stream(ch, q, 10)
    ch.qos(100)
    ch.consume(name, no_ack=False,
               arguments={} if offset is None else {"x-stream-offset": offset})
    ch.idle()
    for n in range(10, 20):
        ch.publish(b"%d" % n, name)
    got = []
    while len(got) < len(expected):
        event = ch.wait_for("basic.deliver")
        got.append(int(event.body))
    assert got == expected


@pytest.mark.parametrize("offset", ["5", "0s", "5x", "1 h", "1d"])
def test_stream_offset_that_is_none_is_406(ch, q, offset):
    name = make_stream(ch, q)
    ch.qos(10)
    with pytest.raises(ChannelClosed) as error:
        ch.consume(name, no_ack=False, arguments={"x-stream-offset": offset})
    assert error.value.code == 406


def test_stream_offset_is_for_streams_only_406(ch, q):
    name = q()
    ch.declare(name)
    with pytest.raises(ChannelClosed) as error:
        ch.consume(name, no_ack=False, arguments={"x-stream-offset": "first"})
    assert error.value.code == 406


def test_stream_consumer_has_no_priority_406(ch, q):
    name = make_stream(ch, q)
    ch.qos(10)
    with pytest.raises(ChannelClosed) as error:
        ch.consume(name, no_ack=False, arguments={"x-priority": 5})
    assert error.value.code == 406


# ---- credit

def test_stream_consumer_needs_a_prefetch_count_406(ch, q):
    name = make_stream(ch, q)
    with pytest.raises(ChannelClosed) as error:
        ch.consume(name, no_ack=False)
    assert error.value.code == 406


def test_stream_consumer_with_only_a_global_prefetch_is_refused(ch, q):
    name = make_stream(ch, q)
    ch.qos(10, global_=True)
    with pytest.raises((ChannelClosed, ConnectionClosed)) as error:
        ch.consume(name, no_ack=False)
    assert error.value.code in (406, 540)


def test_stream_consumer_must_acknowledge_540(ch, q):
    name = make_stream(ch, q)
    ch.qos(10)
    with pytest.raises(ConnectionClosed) as error:
        ch.consume(name, no_ack=True)
    assert error.value.code == 540


def test_stream_consumer_gets_no_more_than_its_prefetch_count(ch, q):
    name = make_stream(ch, q, 10)
    ch.qos(3)
    ch.consume(name, no_ack=False, arguments={"x-stream-offset": "first"})
    assert bodies(ch.deliveries(3)) == [0, 1, 2]
    ch.idle()
    ch.ack(2, multiple=True)
    assert bodies(ch.deliveries(2)) == [3, 4]
    ch.idle()
    ch.ack(4)
    assert bodies(ch.deliveries(1)) == [5]
    ch.idle()


def test_stream_deliveries_left_unacknowledged_do_not_come_back(client, q):
    ch = client.channel()
    name = make_stream(ch, q, 5)
    one = client.channel()
    one.qos(3)
    one.consume(name, no_ack=False, arguments={"x-stream-offset": "first"})
    assert bodies(one.deliveries(3)) == [0, 1, 2]
    one.close()
    got = read(ch, name, 5, "first")
    assert bodies(got) == list(range(5))
    assert [event.redelivered for event in got] == [False] * 5


def test_stream_consumer_cancelled_can_still_acknowledge(ch, q):
    name = make_stream(ch, q, 10)
    ch.qos(3)
    tag = ch.consume(name, no_ack=False, arguments={"x-stream-offset": "first"})
    ch.deliveries(3)
    ch.cancel(tag)
    for n in (1, 2, 3):
        ch.ack(n)
    ch.sync()


@pytest.mark.parametrize("settle", [
    lambda ch: ch.nack(1), lambda ch: ch.nack(1, requeue=False),
    lambda ch: ch.reject(1), lambda ch: ch.reject(1, requeue=False),
    lambda ch: ch.nack(0, multiple=True)],
    ids=["nack", "nack-drop", "reject", "reject-drop", "nack-all"])
def test_stream_deliveries_cannot_be_rejected_540(ch, q, settle):
    name = make_stream(ch, q, 3)
    ch.qos(3)
    ch.consume(name, no_ack=False, arguments={"x-stream-offset": "first"})
    ch.deliveries(3)
    settle(ch)
    with pytest.raises(ConnectionClosed) as error:
        ch.sync()
    assert error.value.code == 540


# ---- what is not for streams

def test_stream_basic_get_is_540(ch, q):
    name = make_stream(ch, q, 1)
    with pytest.raises(ConnectionClosed) as error:
        ch.get(name)
    assert error.value.code == 540


def test_stream_purge_is_540(ch, q):
    name = make_stream(ch, q, 1)
    with pytest.raises(ConnectionClosed) as error:
        ch.call("queue.purge", queue=name)
    assert error.value.code == 540


def test_stream_delete_asks_neither_for_messages_nor_for_consumers(client, q):
    ch = client.channel()
    name = make_stream(ch, q, 3)
    ch.qos(10)
    ch.consume(name, no_ack=False)
    other = client.channel()
    gone = other.call("queue.delete", queue=name, if_unused=True, if_empty=True)
    assert gone.message_count == 0
    ch.expect("basic.cancel")


# ---- messages

def test_stream_keeps_octets_and_adds_its_offset(ch, q):
    name = make_stream(ch, q)
    ch.confirm()
    ch.confirmed_publish(b"", name)
    ch.confirmed_publish(
        b"body", name, content_type="text/plain", content_encoding="none", delivery_mode=1,
        priority=3, correlation_id="c", reply_to="r", expiration="1000", message_id="m",
        timestamp=5, type="t", app_id="a", headers={"k": Typed("s", 7), "l": "v"})
    empty, full = read(ch, name, 2, "first")
    assert empty.typed_properties == {"headers": {"x-stream-offset": Typed("l", 0)}}
    assert empty.body == b""
    assert full.body == b"body"
    assert full.typed_properties["headers"] == {
        "k": Typed("s", 7), "l": Typed("S", "v"), "x-stream-offset": Typed("l", 1)}
    properties = {k: v for k, v in full.props.items() if k != "headers"}
    assert properties == {
        "content_type": "text/plain", "content_encoding": "none", "delivery_mode": 1,
        "priority": 3, "correlation_id": "c", "reply_to": "r", "expiration": "1000",
        "message_id": "m", "timestamp": 5, "type": "t", "app_id": "a"}


def test_stream_replaces_an_offset_the_publisher_brought(ch, q):
    name = make_stream(ch, q)
    ch.confirm()
    ch.confirmed_publish(b"x", name, headers={"a": 1, "x-stream-offset": 77, "b": 2})
    assert read(ch, name, 1, "first")[0].headers == {"a": 1, "b": 2, "x-stream-offset": 0}


def test_stream_gets_messages_through_exchanges(ch, q, x):
    name = make_stream(ch, q)
    ch.bind(name, "amq.topic", "a.#")
    ch.confirm()
    ch.confirmed_publish(b"1", "a.b", "amq.topic")
    got = read(ch, name, 1, "first")[0]
    assert (got.exchange, got.routing_key, got.body) == ("amq.topic", "a.b", b"1")


def test_stream_and_queue_of_one_fan_out_both_get_the_message(ch, q):
    name, other = make_stream(ch, q), q()
    ch.declare(other, durable=True)
    for queue in (name, other):
        ch.bind(queue, "amq.fanout")
    ch.confirm()
    ch.confirmed_publish(b"5", "", "amq.fanout", delivery_mode=2)
    assert ch.get_soon(other).body == b"5"
    assert bodies(read(ch, name, 1, "first")) == [5]


def test_stream_consumers_read_at_their_own_pace(client, q):
    ch = client.channel()
    name = make_stream(ch, q, 20)
    slow = client.channel()
    slow.qos(1)
    slow.consume(name, no_ack=False, arguments={"x-stream-offset": "first"})
    assert bodies(slow.deliveries(1)) == [0]
    assert bodies(read(ch, name, 20, "first")) == list(range(20))
    assert bodies(read(ch, name, 10, 10)) == list(range(10, 20))
    slow.ack(1)
    assert bodies(slow.deliveries(1)) == [1]


def test_stream_message_larger_than_a_frame_comes_whole(connect, q):
    ch = connect(frame_max=4096).channel()
    name = make_stream(ch, q)
    ch.confirm()
    body = bytes(n % 251 for n in range(300_000))
    ch.confirmed_publish(body, name)
    assert read(ch, name, 1, "first")[0].body == body


def test_stream_published_to_in_a_transaction(ch, q):
    name = make_stream(ch, q)
    other = ch.client.channel()
    other.call("tx.select")
    other.publish(b"1", name)
    other.publish(b"2", name)
    other.call("tx.commit")
    assert bodies(read(ch, name, 2, "first")) == [1, 2]


def test_stream_consumer_hears_that_its_stream_is_gone(client, q):
    ch = client.channel()
    name = make_stream(ch, q, 3)
    ch.qos(10)
    tag = ch.consume(name, no_ack=False, arguments={"x-stream-offset": "first"})
    ch.deliveries(3)
    client.channel().call("queue.delete", queue=name)
    assert ch.expect("basic.cancel").consumer_tag == tag
    ch.ack(0, multiple=True)
    ch.sync()


def test_stream_declared_again_begins_with_offset_0(ch, q):
    name = make_stream(ch, q, 3)
    ch.call("queue.delete", queue=name)
    time.sleep(0.1)
    ch.declare(name, durable=True, arguments=STREAM)
    publish(ch, name, [7])
    got = read(ch, name, 1, "first")
    assert [(event.body, event.headers["x-stream-offset"]) for event in got] == [(b"7", 0)]


def test_stream_of_many_messages_is_read_in_order(ch, q):
    name = make_stream(ch, q)
    ch.confirm()
    for n in range(5000):
        ch.publish(b"%d" % n, name)
    acked = 0
    while acked < 5000:
        acked = max(acked, ch.expect("basic.ack").delivery_tag)
    ch.qos(500)
    ch.consume(name, no_ack=False, arguments={"x-stream-offset": 1234})
    expected = 1234
    while expected < 5000:
        event = ch.delivery()
        assert (int(event.body), event.headers["x-stream-offset"]) == (expected, expected)
        if expected % 100 == 0:
            ch.ack(event.delivery_tag, multiple=True)
        expected += 1
