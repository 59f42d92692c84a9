"""Exchanges that delay messages, as RabbitMQ has them with a plugin that does not come with it."""

import time

import pytest

from wire import ChannelClosed, ConnectionClosed, Typed

pytestmark = pytest.mark.extensions


@pytest.fixture
def delayed(ch, x):
    """delayed(type, **arguments) -> exchange; skips when the broker has no such type."""

    def make(kind="direct", **arguments):
        exchange = x()
        try:
            ch.exchange(exchange, "x-delayed-message",
                        arguments={"x-delayed-type": kind, **arguments})
        except ConnectionClosed as error:
            if error.code == 503 and kind == "direct":
                pytest.skip("no exchange type x-delayed-message")
            raise
        return exchange

    return make


@pytest.fixture
def bound(ch, q, delayed):
    exchange, name = delayed(), q()
    ch.declare(name)
    ch.bind(name, exchange, "k")
    return exchange, name


def test_a_message_comes_when_its_time_has_come(ch, bound):
    exchange, name = bound
    ch.consume(name, no_ack=True)
    began = time.monotonic()
    ch.publish(b"later", "k", exchange, headers={"x-delay": 400})
    ch.publish(b"sooner", "k", exchange, headers={"x-delay": 200})
    ch.publish(b"now", "k", exchange)
    assert [ch.delivery().body for _ in range(2)] == [b"now", b"sooner"]
    assert time.monotonic() - began >= 0.2
    got = ch.delivery()
    assert time.monotonic() - began >= 0.4
    assert (got.body, got.headers["x-delay"]) == (b"later", -400)


@pytest.mark.parametrize("delay", [0, -1, 2**32, 2**63 - 1, None, [1], True])
def test_what_asks_for_no_delay_is_routed_at_once(ch, bound, delay):
    exchange, name = bound
    ch.publish(b"m", "k", exchange, headers={"x-delay": delay})
    assert ch.get_soon(name).headers["x-delay"] == delay


@pytest.mark.parametrize("delay", ["1", 1.9, Typed("b", 1), Typed("u", 1), Typed("l", 1)])
def test_numbers_of_every_kind_delay(ch, bound, delay):
    exchange, name = bound
    ch.publish(b"m", "k", exchange, headers={"x-delay": delay})
    assert ch.get_soon(name).headers["x-delay"] == -1


def test_the_bindings_of_then_count(ch, bound):
    exchange, name = bound
    ch.publish(b"m", "other", exchange, headers={"x-delay": 200})
    ch.bind(name, exchange, "other")
    assert ch.get_soon(name).body == b"m"


def test_a_mandatory_one_is_returned_and_comes_all_the_same(ch, bound):
    exchange, name = bound
    ch.confirm()
    ch.publish(b"m", "k", exchange, mandatory=True, headers={"x-delay": 100})
    assert ch.expect("basic.return").reply_code == 312
    ch.expect("basic.ack")
    assert ch.get_soon(name).body == b"m"


@pytest.mark.parametrize("arguments", [{}, {"x-delayed-type": 5},
                                       {"x-delayed-type": "x-delayed-message"}])
def test_a_declaration_without_another_type_is_406(ch, x, delayed, arguments):
    delayed()
    with pytest.raises(ChannelClosed) as error:
        ch.exchange(x("wrong"), "x-delayed-message", arguments=arguments)
    assert error.value.code == 406


def test_an_unknown_type_beneath_is_503(ch, delayed):
    delayed()
    with pytest.raises(ConnectionClosed) as error:
        delayed("no-such-type")
    assert error.value.code == 503


def test_a_deleted_exchange_drops_what_it_holds(ch, q, bound):
    exchange, name = bound
    ch.publish(b"m", "k", exchange, headers={"x-delay": 100})
    ch.call("exchange.delete", "exchange.delete-ok", exchange=exchange)
    time.sleep(0.3)
    assert ch.count(name) == 0
