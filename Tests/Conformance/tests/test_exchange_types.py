"""Exchange types that RabbitMQ has in plugins, beside the consistent hash: by chance, by modulus,
with a history for new bindings."""

import pytest

from wire import ChannelClosed, ConnectionClosed

pytestmark = pytest.mark.extensions


@pytest.fixture
def declare(ch, x):
    """declare(type, arguments) -> exchange; skips when the broker has no such type."""

    def make(kind, arguments=None):
        exchange = x()
        try:
            ch.exchange(exchange, kind, arguments=arguments)
        except ConnectionClosed as error:
            if error.code == 503:
                pytest.skip("no exchange type " + kind)
            raise
        return exchange

    return make


@pytest.fixture
def bound(ch, q, declare):
    """bound(type, keys) -> (exchange, queues), each queue bound with its key."""

    def make(kind, keys):
        exchange = declare(kind)
        queues = [q(str(n)) for n in range(len(keys))]
        for name, key in zip(queues, keys):
            ch.declare(name)
            ch.bind(name, exchange, key)
        return exchange, queues

    return make


@pytest.mark.parametrize("kind", ["x-random", "x-local-random"])
def test_random_exchange_gives_each_message_to_one_queue_by_chance(ch, bound, kind):
    exchange, queues = bound(kind, ["", ""])
    for _ in range(200):
        ch.publish(b"m", "same key", exchange)
    shares = [len(ch.drain(name)) for name in queues]
    assert sum(shares) == 200 and min(shares) > 40, shares


def test_local_random_exchange_refuses_a_binding_key_406(ch, bound):
    with pytest.raises(ChannelClosed) as error:
        bound("x-local-random", ["key"])
    assert error.value.code == 406


@pytest.mark.parametrize("kind", ["x-random", "x-modulus-hash", "x-consistent-hash"])
def test_extra_keys_do_not_make_it_more_than_one_queue(ch, bound, kind):
    exchange, queues = bound(kind, ["1", "1", "1"])
    for n in range(20):
        ch.publish(b"m", "key-%d" % n, exchange, headers={"CC": ["a", "b", "c"]})
    assert sum(len(ch.drain(name)) for name in queues) == 20


def test_modulus_hash_sends_the_same_key_the_same_way(ch, bound):
    exchange, queues = bound("x-modulus-hash", ["", "", ""])
    for _ in range(30):
        ch.publish(b"m", "the-key", exchange)
    assert sorted(len(ch.drain(name)) for name in queues) == [0, 0, 30]


def test_modulus_hash_gives_everybody_a_share(ch, bound):
    exchange, queues = bound("x-modulus-hash", ["", "", ""])
    for n in range(300):
        ch.publish(b"m", "key-%d" % n, exchange)
    shares = [len(ch.drain(name)) for name in queues]
    assert sum(shares) == 300 and min(shares) > 30, shares


@pytest.mark.parametrize("arguments", [
    {"hash-header": "h", "hash-property": "message_id"},
    {"hash-property": "app_id"},
], ids=["both", "property_not_hashed"])
def test_consistent_hash_arguments_that_make_no_sense_are_406(declare, arguments):
    with pytest.raises(ChannelClosed) as error:
        declare("x-consistent-hash", arguments)
    assert error.value.code == 406


@pytest.mark.parametrize("weight", ["", "0", "-1", "1.5"])
def test_consistent_hash_weight_below_one_or_no_integer_is_406(bound, weight):
    with pytest.raises(ChannelClosed) as error:
        bound("x-consistent-hash", [weight])
    assert error.value.code == 406


def test_recent_history_goes_to_a_new_binding_oldest_first(ch, q, declare):
    exchange = declare("x-recent-history", {"x-recent-history-length": 2})
    for n in range(3):
        ch.publish(b"%d" % n, "key-%d" % n, exchange)
    name = q()
    ch.declare(name)
    ch.bind(name, exchange, "")
    got = ch.drain(name)
    assert [message.body for message in got] == [b"1", b"2"]
    assert [message.routing_key for message in got] == ["key-1", "key-2"]


def test_recent_history_is_twenty_messages_by_default(ch, q, declare):
    exchange = declare("x-recent-history")
    for n in range(25):
        ch.publish(b"%d" % n, "", exchange)
    name = q()
    ch.declare(name)
    ch.bind(name, exchange, "")
    assert [message.body for message in ch.drain(name)] == [b"%d" % n for n in range(5, 25)]


def test_recent_history_is_not_sent_again_for_the_same_binding(ch, q, declare):
    exchange = declare("x-recent-history")
    ch.publish(b"m", "", exchange)
    name = q()
    ch.declare(name)
    ch.bind(name, exchange, "")
    ch.bind(name, exchange, "")
    assert len(ch.drain(name)) == 1


def test_recent_history_leaves_out_messages_that_ask_for_it(ch, q, declare):
    exchange = declare("x-recent-history")
    ch.publish(b"kept", "", exchange)
    ch.publish(b"not kept", "", exchange, headers={"x-recent-history-no-store": True})
    name = q()
    ch.declare(name)
    ch.bind(name, exchange, "")
    assert [message.body for message in ch.drain(name)] == [b"kept"]


@pytest.mark.parametrize("length", [0, -1, "5", True])
def test_recent_history_length_that_is_no_positive_integer_is_406(declare, length):
    with pytest.raises(ChannelClosed) as error:
        declare("x-recent-history", {"x-recent-history-length": length})
    assert error.value.code == 406
