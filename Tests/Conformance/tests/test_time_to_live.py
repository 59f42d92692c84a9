"""Time to live of messages, and queues that expire."""

import time

import pytest

from dead_letters import dead, deaths, dlx
from wire import ChannelClosed

pytestmark = pytest.mark.extensions


# ---- message TTL

def test_message_older_than_the_queue_ttl_is_gone(ch, q):
    name = q()
    ch.declare(name, arguments={"x-message-ttl": 50})
    ch.publish(b"m", name)
    time.sleep(0.3)
    assert ch.get(name) is None


def test_message_within_the_queue_ttl_is_delivered(ch, q):
    name = q()
    ch.declare(name, arguments={"x-message-ttl": 60000})
    ch.publish(b"m", name)
    assert ch.get_soon(name).body == b"m"


def test_zero_queue_ttl_keeps_nothing_without_a_consumer(ch, q):
    name = q()
    ch.declare(name, arguments={"x-message-ttl": 0})
    ch.publish(b"m", name)
    assert ch.get(name) is None


def test_zero_queue_ttl_still_reaches_a_waiting_consumer(ch, q):
    name = q()
    ch.declare(name, arguments={"x-message-ttl": 0})
    ch.consume(name)
    ch.publish(b"m", name)
    assert ch.delivery().body == b"m"


def test_message_expiration_property_expires_it(ch, q):
    name = q()
    ch.declare(name)
    ch.publish(b"short", name, expiration="50")
    time.sleep(0.3)
    assert ch.get(name) is None


def test_zero_expiration_keeps_nothing_without_a_consumer(ch, q):
    name = q()
    ch.declare(name)
    ch.publish(b"m", name, expiration="0")
    assert ch.get(name) is None


def test_expiration_property_is_delivered_unchanged(ch, q):
    name = q()
    ch.declare(name)
    ch.publish(b"m", name, expiration="60000")
    assert ch.get_soon(name).props["expiration"] == "60000"


def test_lower_of_queue_ttl_and_expiration_wins(ch, q, dead):
    long_queue = q("long")
    ch.declare(long_queue, arguments=dlx(**{"x-message-ttl": 60000, "x-dead-letter-routing-key": dead}))
    ch.publish(b"by message", long_queue, expiration="20")
    assert ch.get_soon(dead).body == b"by message"
    short_queue = q("short")
    ch.declare(short_queue, arguments=dlx(**{"x-message-ttl": 20, "x-dead-letter-routing-key": dead}))
    ch.publish(b"by queue", short_queue, expiration="60000")
    assert ch.get_soon(dead).body == b"by queue"


@pytest.mark.parametrize("value", ["abc", "-1", "1.5", "", " 5", "10s"])
def test_invalid_expiration_is_406(ch, q, value):
    name = q()
    ch.declare(name)
    ch.publish(b"m", name, expiration=value)
    closed = ch.expect_close(406)
    assert (closed.class_id, closed.method_id) == (60, 40)


def test_message_with_a_consumer_is_not_expired_while_unacknowledged(ch, q):
    name = q()
    ch.declare(name, arguments={"x-message-ttl": 100})
    ch.consume(name)
    ch.publish(b"m", name)
    got = ch.delivery()
    time.sleep(0.3)
    ch.ack(got.delivery_tag)
    ch.sync()
    ch.idle(0.05)


def test_requeued_message_keeps_its_old_expiry(ch, q, dead):
    name = q()
    ch.declare(name, arguments=dlx(**{"x-message-ttl": 700, "x-dead-letter-routing-key": dead}))
    ch.publish(b"m", name)
    got = ch.get_soon(name, no_ack=False)
    time.sleep(0.8)
    ch.nack(got.delivery_tag)
    assert deaths(ch.get_soon(dead))[0]["reason"] == "expired"


# ---- queue expiry

def test_unused_queue_expires(ch, q, until):
    name = q()
    ch.declare(name, arguments={"x-expires": 100})

    def gone():
        probe = ch.client.channel()
        try:
            # a passive declare would count as use and start the clock again
            probe.bind(name, "amq.direct", "k")
        except ChannelClosed as error:
            return error.code == 404
        probe.close()

    until(gone)


def test_queue_with_a_consumer_does_not_expire(ch, q):
    name = q()
    ch.declare(name, arguments={"x-expires": 150})
    ch.consume(name, no_ack=True)
    time.sleep(0.5)
    ch.publish(b"m", name)
    assert ch.delivery().body == b"m"


@pytest.mark.parametrize("use", ["declare", "get"])
def test_use_restarts_the_expiry_clock(ch, q, use):
    name = q()
    arguments = {"x-expires": 1500}
    ch.declare(name, arguments=arguments)
    for n in range(4):
        time.sleep(0.5)
        if use == "declare":
            ch.declare(name, arguments=arguments)
        else:
            ch.get(name)


def test_messages_of_an_expired_queue_are_not_dead_lettered(ch, q, dead, until):
    name = q()
    ch.declare(name, arguments=dlx(**{"x-expires": 100, "x-dead-letter-routing-key": dead}))
    ch.publish(b"m", name)
    time.sleep(0.5)
    assert ch.get(dead) is None
