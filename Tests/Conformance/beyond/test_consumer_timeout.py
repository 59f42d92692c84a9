"""x-consumer-timeout on a queue, to the millisecond; RabbitMQ looks once a minute."""

import pytest

from wire import ChannelClosed

pytestmark = pytest.mark.extensions


def test_consumer_timeout_closes_the_channel_and_requeues_406(client, q):
    name = q()
    ch, other = client.channel(), client.channel()
    ch.declare(name, arguments={"x-consumer-timeout": 200})
    ch.publish(b"m", name)
    ch.consume(name)
    ch.delivery()
    ch.expect_close(406)
    again = other.get_soon(name)
    assert again.redelivered and again.text == "m"


@pytest.mark.parametrize("value", ["200", -1, True])
def test_consumer_timeout_of_a_wrong_type_or_range_406(ch, q, value):
    with pytest.raises(ChannelClosed) as closed:
        ch.declare(q(), arguments={"x-consumer-timeout": value})
    assert closed.value.code == 406
