"""Clients that do not wait for answers, and closing handshakes that cross."""

import pytest

import wire
from wire import ChannelClosed, header_frame, method_frame, publish_frames

pytestmark = pytest.mark.robustness


def test_whole_life_of_two_channels_in_one_write(client, q):
    name = q()
    client.send(b"".join(
        method_frame(n, "channel.open")
        + method_frame(n, "queue.declare", queue=name)
        + publish_frames(n, "", name, b"m")
        + method_frame(n, "channel.close", reply_code=200) for n in (1, 2)))
    for n in (1, 2):
        client.expect("channel.open-ok", channel=n)
        client.expect("queue.declare-ok", channel=n)
        client.expect("channel.close-ok", channel=n)
    client.channel(3).wait_count(name, 2)


def test_answers_come_in_the_order_of_the_requests(client, q):
    name = q()
    client.channel(1)
    client.send(method_frame(1, "queue.declare", queue=name)
                + publish_frames(1, "", name, b"one")
                + method_frame(1, "basic.get", queue=name, no_ack=True)
                + method_frame(1, "basic.get", queue=name, no_ack=True)
                + method_frame(1, "queue.purge", queue=name)
                + method_frame(1, "queue.delete", queue=name)
                + method_frame(1, "basic.qos", prefetch_count=1))
    for answer in ("queue.declare-ok", "basic.get-ok", "basic.get-empty", "queue.purge-ok",
                   "queue.delete-ok", "basic.qos-ok"):
        client.expect(answer, channel=1)


def test_answers_on_a_hundred_channels_in_one_write(client, q):
    names = [q() for _ in range(100)]
    client.send(b"".join(
        method_frame(n, "channel.open") + method_frame(n, "queue.declare", queue=name)
        for n, name in enumerate(names, start=1)))
    for n, name in enumerate(names, start=1):
        client.expect("channel.open-ok", channel=n)
        assert client.expect("queue.declare-ok", channel=n).queue == name


def test_megabytes_behind_methods_that_wait_for_durable_ones(client, q):
    """However often the broker waits, it need not hold all that was sent meanwhile."""
    name = q()
    client.channel(1)
    rounds = 60
    body = b"x" * 20_000
    client.send((method_frame(1, "queue.declare", queue=name, durable=True)
                 + method_frame(1, "basic.qos", prefetch_count=1)
                 + publish_frames(1, "", "", body)
                 + method_frame(1, "queue.delete", queue=name)
                 + method_frame(1, "basic.qos", prefetch_count=2)
                 + publish_frames(1, "", "", body)) * rounds)
    for _ in range(rounds):
        for answer in ("queue.declare-ok", "basic.qos-ok", "queue.delete-ok", "basic.qos-ok"):
            client.expect(answer, channel=1)


def test_channel_close_of_the_client_crosses_one_of_the_server(client):
    """Both sides close at once; each answers the other and the number is free."""
    client.channel(1)
    client.send(method_frame(1, "queue.declare", queue="no.such.queue", passive=True)
                + method_frame(1, "channel.close", reply_code=200))
    assert client.expect("channel.close", channel=1).reply_code == 404
    client.expect("channel.close-ok", channel=1)
    client.send(method_frame(1, "channel.close-ok") + method_frame(1, "channel.open"))
    client.expect("channel.open-ok", channel=1)


def test_content_in_flight_to_a_closing_channel_is_ignored(client, q):
    name = q()
    client.channel(2).declare(name)
    client.channel(1)
    client.send(method_frame(1, "queue.declare", queue="no.such.queue", passive=True))
    client.send(publish_frames(1, "", name, b"lost" * 1000) * 50)
    assert client.expect("channel.close", channel=1).reply_code == 404
    client.send(method_frame(1, "channel.close-ok") + method_frame(1, "channel.open"))
    client.expect("channel.open-ok", channel=1)
    assert client.channels[2].count(name) == 0


def test_channel_error_in_the_middle_of_a_content_leaves_the_rest_unread(client, q):
    """The exchange is missing, which shows at the method or at the header; bodies still come."""
    client.channel(1)
    client.send(method_frame(1, "basic.publish", exchange="no.such.exchange", routing_key="k")
                + header_frame(1, 6) + wire.frame(wire.FRAME_BODY, 1, b"abc"))
    client.send(wire.frame(wire.FRAME_BODY, 1, b"def"))
    assert client.expect("channel.close", channel=1).reply_code == 404
    client.send(method_frame(1, "channel.close-ok") + method_frame(1, "channel.open"))
    client.expect("channel.open-ok", channel=1)


def test_connection_close_of_the_client_crosses_one_of_the_server(client):
    """An error the server reports, while the client is leaving anyway."""
    client.channel(1)
    client.send(method_frame(1, "queue.declare", queue="no.such.queue", passive=True)
                + method_frame(0, "connection.close", reply_code=200))
    client.expect("connection.close-ok")


def test_nothing_is_lost_when_a_channel_closes_while_messages_flow(client, q):
    name = q()
    feeder = client.channel(2)
    feeder.declare(name)
    ch = client.channel(1)
    ch.consume(name)
    for n in range(20):
        feeder.publish(b"%d" % n, name)
    ch.deliveries(20)
    client.send(method_frame(1, "channel.close", reply_code=200))
    for n in range(20, 40):
        feeder.publish(b"%d" % n, name)
    ch.wait_for("channel.close-ok")
    delivered = len(client.pending[1])
    feeder.wait_count(name, 40)
    assert len(client.pending[1]) == delivered
    assert [int(m.body) for m in feeder.drain(name)] == list(range(40))


def test_requests_behind_a_connection_error_have_no_effect(connect, q):
    client, watcher, name = connect(), connect().channel(), q()
    client.channel(1)
    client.send(method_frame(1, "exchange.declare", exchange=name, type="no-such-type")
                + method_frame(1, "queue.declare", queue=name))
    assert client.expect_connection_close().code == 503
    with pytest.raises(ChannelClosed) as error:
        watcher.declare(name, passive=True)
    assert error.value.code == 404
