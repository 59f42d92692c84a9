"""Rules that other people's client test suites rely on."""

import pytest

import wire
from wire import SocketClosed, method_frame

pytestmark = pytest.mark.semantics


def bodies(ch, queue):
    ch.sync()
    return [m.text for m in ch.drain(queue)]


@pytest.mark.extensions
def test_every_exchange_on_the_way_looks_at_every_cc_key(ch, q, x):
    outer, inner, queue = x("out"), x("in"), q()
    ch.exchange(outer, "direct")
    ch.exchange(inner, "topic")
    ch.declare(queue)
    ch.bind_exchange(inner, outer, "first")
    ch.bind(queue, inner, "second")
    ch.publish(b"m", "", outer, headers={"CC": ["first"], "BCC": ["second"]})
    assert bodies(ch, queue) == ["m"]


def test_full_global_prefetch_holds_back_no_ack_consumers_of_the_channel(ch, q):
    a, b = q("a"), q("b")
    ch.declare(a)
    ch.declare(b)
    ch.qos(1, global_=True)
    ch.consume(a, consumer_tag="acks")
    ch.publish(b"1", a)
    first = ch.delivery()
    ch.consume(b, consumer_tag="no-ack", no_ack=True)
    ch.publish(b"2", b)
    ch.idle()
    ch.ack(first.delivery_tag)
    assert ch.delivery().body == b"2"


def test_global_prefetch_of_one_is_shared_fairly_between_queues(ch, q):
    names = [q(hint) for hint in "abc"]
    ch.qos(1, global_=True)
    for name in names:
        ch.declare(name)
        for n in range(30):
            ch.publish(b"%d" % n, name)
    for name in names:
        ch.wait_count(name, 30)
        ch.consume(name, consumer_tag=name)
    seen = {name: 0 for name in names}
    for n in range(30):
        event = ch.delivery()
        seen[event.consumer_tag] += 1
        ch.ack(event.delivery_tag)
    assert all(seen.values()), seen


def test_global_prefetch_of_one_is_shared_fairly_between_consumers_of_a_queue(ch, q):
    name = q()
    ch.declare(name)
    ch.qos(1, global_=True)
    seen = {tag: 0 for tag in ("one", "two")}
    for tag in seen:
        ch.consume(name, consumer_tag=tag)
    for n in range(10):
        ch.publish(b"%d" % n, name)
    for n in range(10):
        event = ch.delivery()
        seen[event.consumer_tag] += 1
        ch.ack(event.delivery_tag)
    assert all(seen.values()), seen


@pytest.mark.parametrize("consumers", [2, 3, 4])
@pytest.mark.parametrize("round_trips", [0, 1, 2])
def test_what_else_is_sent_does_not_spoil_the_turns_under_a_global_prefetch(
        ch, q, consumers, round_trips):
    name = q()
    ch.declare(name)
    ch.qos(1, global_=True)
    seen = {"c%d" % n: 0 for n in range(consumers)}
    for tag in seen:
        ch.consume(name, consumer_tag=tag)
    for n in range(10 * consumers):
        ch.publish(b"%d" % n, name)
    for n in range(10 * consumers):
        event = ch.delivery()
        seen[event.consumer_tag] += 1
        for _ in range(round_trips):
            ch.sync()
        ch.ack(event.delivery_tag)
    assert all(seen.values()), seen


@pytest.mark.extensions
def test_alternate_exchange_gets_only_what_no_key_routes(ch, q, x):
    first, second, bound, unrouted = x("first"), x("second"), q("bound"), q("unrouted")
    ch.exchange(second, "fanout")
    ch.exchange(first, "direct", arguments={"alternate-exchange": second})
    ch.declare(bound)
    ch.declare(unrouted)
    ch.bind(bound, first, "bound")
    ch.bind(unrouted, second)
    ch.publish(b"1", "nowhere", first, headers={"CC": ["bound", "nor here"]})
    ch.publish(b"2", "nowhere", first, headers={"CC": ["nor here"]})
    assert bodies(ch, bound) == ["1"]
    assert bodies(ch, unrouted) == ["2"]


def test_frame_above_the_minimum_size_is_refused_before_tuning(tcp, target):
    client = tcp()
    client.greet()
    client.send(method_frame(
        0, "connection.start-ok", mechanism="PLAIN", locale="en_US",
        response="\0%s\0%s" % (target.user, target.password),
        client_properties={"too_long": "x" * 4096}))
    with pytest.raises((SocketClosed, wire.ConnectionClosed)):
        client.expect("connection.tune")
