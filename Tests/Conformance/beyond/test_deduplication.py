"""The contract of the deduplication plugin, which RabbitMQ does not ship with."""

import pytest

from wire import ChannelClosed

pytestmark = pytest.mark.extensions

UNIQUE = {"x-message-deduplication": True}


def send(ch, text, value=None, queue="", exchange="", **properties):
    headers = {} if value is None else {"x-deduplication-header": value}
    ch.publish(text, queue, exchange, headers={**headers, **properties.pop("headers", {})},
               **properties)


@pytest.fixture
def once(ch, q, x):
    """once(size, **arguments): an exchange of the type, and a queue bound to it."""

    def make(size, **arguments):
        exchange, queue = x(), q()
        ch.exchange(exchange, "x-message-deduplication", arguments={
            "x-cache-size": size, **{"x-cache-" + name: v for name, v in arguments.items()}})
        ch.declare(queue)
        ch.bind(queue, exchange, "another key")
        return exchange, queue

    return make


def texts(ch, queue):
    return [event.text for event in ch.drain(queue)]


@pytest.mark.parametrize("value", ["text", 42, 4.5, True])
def test_a_queue_holds_a_value_once_until_it_is_settled(ch, q, value):
    queue = q()
    ch.declare(queue, arguments=UNIQUE)
    ch.confirm()
    for text in ("1", "2"):
        send(ch, text, value, queue)
        ch.expect("basic.ack")
    event = ch.get(queue)
    assert event.text == "1" and ch.get(queue) is None
    send(ch, "3", value, queue)
    ch.expect("basic.ack")
    ch.ack(event.delivery_tag)
    send(ch, "4", value, queue)
    ch.expect("basic.ack")
    assert texts(ch, queue) == ["4"]


def test_messages_without_the_header_are_no_duplicates(ch, q):
    queue = q()
    ch.declare(queue, arguments=UNIQUE)
    for text in ("1", "2"):
        send(ch, text, queue=queue)
    assert texts(ch, queue) == ["1", "2"]


def test_an_exchange_routes_a_value_once(ch, once):
    exchange, queue = once(10, ttl=60000)
    for text, value in (("1", "a"), ("2", "a"), ("3", "b"), ("4", None), ("5", None)):
        send(ch, text, value, exchange=exchange)
    assert texts(ch, queue) == ["1", "3", "4", "5"]


def test_an_exchange_without_room_forgets(ch, once):
    exchange, queue = once(1)
    for text in ("a", "b", "a"):
        send(ch, text, text, exchange=exchange)
    assert texts(ch, queue) == ["a", "b", "a"]


def test_a_message_says_for_how_long_it_is_remembered(ch, once, until):
    exchange, queue = once(10, ttl=60000)
    send(ch, "1", "a", exchange=exchange, headers={"x-cache-ttl": 300})
    send(ch, "2", "a", exchange=exchange)
    assert texts(ch, queue) == ["1"]

    def comes_again():
        send(ch, "3", "a", exchange=exchange)
        return texts(ch, queue) == ["3"]

    until(comes_again)


@pytest.mark.parametrize("arguments", [
    {}, {"x-cache-size": 0}, {"x-cache-size": "foo"}, {"x-cache-size": 1, "x-cache-ttl": "bar"},
    {"x-cache-size": 1, "x-cache-persistence": "tape"}])
def test_exchange_arguments_that_make_no_sense_406(ch, x, arguments):
    with pytest.raises(ChannelClosed) as closed:
        ch.exchange(x(), "x-message-deduplication", arguments=arguments)
    assert closed.value.code == 406


def test_queue_argument_that_is_no_boolean_406(ch, q):
    with pytest.raises(ChannelClosed) as closed:
        ch.declare(q(), arguments={"x-message-deduplication": "yes"})
    assert closed.value.code == 406
