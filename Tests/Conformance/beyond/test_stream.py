"""Streams beyond RabbitMQ 3.10: filters, as RabbitMQ has them from 3.13 on, exact here; files that
go at once; what is left after the broker was stopped or killed.

BROKER_RESTART_CMD and BROKER_KILL_CMD as in tests/test_durable.py.
"""

import os
import subprocess
import time

import pytest

import wire
from wire import ChannelClosed, ConnectionClosed

pytestmark = [pytest.mark.extensions, pytest.mark.timeout(120)]

STREAM = {"x-queue-type": "stream"}


def consume(ch, name, offset="first", prefetch=1000, **arguments):
    ch.qos(prefetch)
    return ch.consume(name, no_ack=False, arguments={"x-stream-offset": offset, **arguments})


def read_until_idle(ch):
    """(offset, body) of everything that comes, acknowledged."""
    got = []
    while True:
        try:
            event = ch.delivery(timeout=0.5)
        except wire.NothingArrived:
            return got
        got.append((event.headers["x-stream-offset"], event.body))
        ch.ack(event.delivery_tag)


# ---- filters

@pytest.fixture
def filtered(ch, q):
    """A stream with red, green and unfiltered messages in turn."""
    name = q()
    ch.declare(name, durable=True, arguments=STREAM)
    ch.confirm()
    for n in range(30):
        headers = {} if n % 3 == 2 else {
            "headers": {"x-stream-filter-value": ("red", "green")[n % 3]}}
        ch.confirmed_publish(b"%d" % n, name, **headers)
    return name


@pytest.mark.parametrize("arguments,wanted", [
    ({"x-stream-filter": "red"}, lambda n: n % 3 == 0),
    ({"x-stream-filter": "green"}, lambda n: n % 3 == 1),
    ({"x-stream-filter": ["red", "green"]}, lambda n: n % 3 < 2),
    ({"x-stream-filter": "red", "x-stream-match-unfiltered": True}, lambda n: n % 3 != 1),
    ({"x-stream-filter": "blue"}, lambda n: False),
    ({"x-stream-match-unfiltered": True}, lambda n: True)],
    ids=["red", "green", "both", "red and unfiltered", "none", "no filter"])
def test_consumer_of_a_stream_gets_exactly_what_its_filter_says(ch, filtered, arguments, wanted):
    consume(ch, filtered, **arguments)
    assert [offset for offset, _ in read_until_idle(ch)] == [n for n in range(30) if wanted(n)]


@pytest.mark.parametrize("arguments", [
    {"x-stream-filter": 5}, {"x-stream-filter": ["a", 5]}, {"x-stream-filter": True},
    {"x-stream-filter": "a", "x-stream-match-unfiltered": "yes"}],
    ids=["number", "array", "boolean", "match-unfiltered"])
def test_filter_of_another_type_is_406(ch, filtered, arguments):
    with pytest.raises(ChannelClosed) as error:
        consume(ch, filtered, **arguments)
    assert error.value.code == 406


def test_filter_is_for_streams_only_406(ch, q):
    name = q()
    ch.declare(name)
    with pytest.raises(ChannelClosed) as error:
        ch.consume(name, no_ack=False, arguments={"x-stream-filter": "a"})
    assert error.value.code == 406


# ---- what RabbitMQ answers with an internal error

@pytest.mark.parametrize("age", ["", "h", "-1s", "9999999999999Y"])
def test_max_age_that_makes_no_sense_is_406(ch, q, age):
    with pytest.raises(ChannelClosed) as error:
        ch.declare(q(), durable=True, arguments={**STREAM, "x-max-age": age})
    assert error.value.code == 406


@pytest.mark.parametrize("offset", ["", "h", "bogus", True, [1], {"a": 1}])
def test_offset_that_makes_no_sense_is_406(ch, q, offset):
    name = q()
    ch.declare(name, durable=True, arguments=STREAM)
    with pytest.raises(ChannelClosed) as error:
        consume(ch, name, offset=offset)
    assert error.value.code == 406


@pytest.mark.parametrize("size", [15, 256, "q"])
def test_filter_size_out_of_range_is_406(ch, q, size):
    with pytest.raises(ChannelClosed) as error:
        ch.declare(q(), durable=True, arguments={**STREAM, "x-stream-filter-size-bytes": size})
    assert error.value.code == 406


def test_recover_with_deliveries_of_a_stream_is_540(ch, filtered):
    consume(ch, filtered, prefetch=3)
    ch.deliveries(3)
    with pytest.raises(ConnectionClosed) as error:
        ch.call("basic.recover", requeue=True)
    assert error.value.code == 540


# ---- what a stream forgets

def first_offset(ch, name):
    consume(ch, name, prefetch=1)
    return ch.delivery().headers["x-stream-offset"]


def test_max_length_bytes_drops_whole_files_from_the_beginning(ch, q):
    name = q()
    ch.declare(name, durable=True, arguments={
        **STREAM, "x-max-length-bytes": 20_000, "x-stream-max-segment-size-bytes": 4_000})
    ch.confirm()
    for n in range(200):
        ch.confirmed_publish(b"x" * 500, name)
    count = ch.count(name)
    assert 20 <= count <= 40
    assert first_offset(ch, name) == 200 - count


def test_max_age_drops_files_whose_last_message_is_too_old(ch, q):
    name = q()
    ch.declare(name, durable=True, arguments={
        **STREAM, "x-max-age": "1s", "x-stream-max-segment-size-bytes": 4_000})
    ch.confirm()
    for n in range(50):
        ch.confirmed_publish(b"x" * 500, name)
    assert ch.count(name) == 50
    limit = time.monotonic() + 10
    while ch.count(name) > 10 and time.monotonic() < limit:
        time.sleep(0.1)
    assert 0 < ch.count(name) <= 10


def test_consumer_of_what_is_gone_goes_on_with_what_is_there(ch, q):
    name = q()
    ch.declare(name, durable=True, arguments={
        **STREAM, "x-max-length-bytes": 20_000, "x-stream-max-segment-size-bytes": 4_000})
    ch.confirm()
    for n in range(10):
        ch.confirmed_publish(b"x" * 500, name)
    slow = ch.client.channel()
    consume(slow, name, prefetch=1)
    event = slow.delivery()
    assert event.headers["x-stream-offset"] == 0
    for n in range(300):
        ch.confirmed_publish(b"x" * 500, name)
    slow.ack(event.delivery_tag)
    offsets = [offset for offset, _ in read_until_idle(slow)]
    assert offsets == sorted(offsets)
    assert offsets[-1] == 309
    assert len(offsets) < 309


# ---- what is left

@pytest.mark.parametrize("variable", ["BROKER_RESTART_CMD", "BROKER_KILL_CMD"])
def test_confirmed_messages_and_their_offsets_outlive_the_broker(target, names_of_test, variable):
    command = os.environ.get(variable)
    if not command:
        pytest.skip("%s is not set" % variable)

    def connect():
        client = wire.Client(target.host, target.port)
        return client.open(target.user, target.password, target.vhost).channel()

    name, both = names_of_test.q(), names_of_test.q()
    ch = connect()
    ch.declare(name, durable=True, arguments={**STREAM, "x-stream-max-segment-size-bytes": 50_000})
    ch.declare(both, durable=True)
    ch.bind(name, "amq.fanout")
    ch.bind(both, "amq.fanout")
    ch.confirm()
    for n in range(2000):
        ch.publish(b"%d" % n, "", "amq.fanout", delivery_mode=2)
    acked = 0
    while acked < 2000:
        acked = max(acked, ch.expect("basic.ack").delivery_tag)
    assert subprocess.call(command, shell=True) == 0
    ch = connect()
    assert ch.count(name) == 2000
    assert ch.count(both) == 2000
    consume(ch, name, prefetch=5000)
    expected = [(n, b"%d" % n) for n in range(2000)]
    assert [(e.headers["x-stream-offset"], e.body) for e in ch.deliveries(2000)] == expected
    other = connect()
    other.confirm()
    other.confirmed_publish(b"more", name)
    assert (lambda e: (e.headers["x-stream-offset"], e.body))(ch.delivery()) == (2000, b"more")
    ch.client.close()
    other.client.close()
