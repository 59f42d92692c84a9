"""The errors that end a connection."""

import struct

import pytest

import wire
from closing import refused
from wire import ChannelClosed, frame, header_frame, method_frame, publish_frames

pytestmark = pytest.mark.core

PUBLISH = method_frame(1, "basic.publish", routing_key="nowhere")


# ---- errors that end the connection

def test_method_on_a_channel_never_opened_is_504(client):
    client.channel(1)
    client.send(method_frame(7, "queue.declare"))
    closed = client.expect_connection_close()
    assert (closed.code, closed.class_id, closed.method_id) == (504, 50, 10)


def test_method_on_a_closed_channel_is_504(client):
    client.channel(1).close()
    client.send(method_frame(1, "queue.declare"))
    assert client.expect_connection_close().code == 504


def test_second_channel_open_is_504(client):
    client.channel(1)
    client.send(method_frame(1, "channel.open"))
    closed = client.expect_connection_close()
    assert (closed.code, closed.class_id, closed.method_id) == (504, 20, 10)


def test_second_connection_open_is_504(client, target):
    client.send(method_frame(0, "connection.open", vhost=target.vhost))
    assert client.expect_connection_close().code == 504


def test_queue_method_on_channel_zero_is_504(client):
    client.send(method_frame(0, "queue.declare"))
    assert client.expect_connection_close().code == 504


def test_connection_method_on_a_channel_is_503(client):
    client.channel(1)
    client.send(method_frame(1, "connection.close"))
    assert client.expect_connection_close().code == 503


def test_server_only_method_from_a_client_is_503(client):
    client.channel(1)
    client.send(method_frame(1, "queue.declare-ok", queue="x"))
    assert client.expect_connection_close().code == 503


@pytest.mark.parametrize("ids", [(60, 999), (77, 10), (0, 0)],
                         ids=["method", "class", "zero"])
def test_unknown_method_ends_the_connection(client, ids):
    client.channel(1)
    client.send(frame(wire.FRAME_METHOD, 1, struct.pack(">HH", *ids)))
    refused(client, 501, 502, 503, 540, 541)


def test_method_with_missing_arguments_is_501(client):
    client.channel(1)
    whole = wire.encode_method("queue.declare", queue="abc")
    client.send(frame(wire.FRAME_METHOD, 1, whole[:8]))
    assert client.expect_connection_close().code in (501, 502)


def test_method_payload_too_short_for_its_ids_is_501(client):
    client.channel(1)
    client.send(frame(wire.FRAME_METHOD, 1, b"\x00"))
    assert client.expect_connection_close().code == 501


def test_unknown_frame_type_is_501(client):
    client.channel(1)
    client.send(frame(5, 1, b"abc"))
    assert client.expect_connection_close().code == 501


def test_wrong_frame_end_octet_is_501(client):
    client.channel(1)
    broken = bytearray(method_frame(1, "queue.declare", exclusive=True))
    broken[-1] = 0xCD
    client.send(bytes(broken))
    assert client.expect_connection_close().code == 501


def test_frame_twice_the_negotiated_size_is_501(connect):
    client = connect(frame_max=4096)
    client.channel(1)
    client.send(PUBLISH + header_frame(1, 8192) + frame(wire.FRAME_BODY, 1, b"x" * 8192))
    assert client.expect_connection_close().code == 501


def test_content_header_without_a_method_is_505(client):
    client.channel(1)
    client.send(header_frame(1, 0))
    assert client.expect_connection_close().code == 505


def test_content_body_without_a_method_is_505(client):
    client.channel(1)
    client.send(frame(wire.FRAME_BODY, 1, b"abc"))
    assert client.expect_connection_close().code == 505


def test_content_body_before_its_header_is_505(client):
    client.channel(1)
    client.send(PUBLISH + frame(wire.FRAME_BODY, 1, b"abc"))
    assert client.expect_connection_close().code == 505


def test_method_between_publish_and_header_is_505(client):
    client.channel(1)
    client.send(PUBLISH + method_frame(1, "queue.declare"))
    assert client.expect_connection_close().code == 505


def test_method_between_header_and_body_is_505(client):
    client.channel(1)
    client.send(PUBLISH + header_frame(1, 3) + method_frame(1, "queue.declare"))
    assert client.expect_connection_close().code == 505


def test_content_header_of_another_class_is_505(client):
    client.channel(1)
    client.send(PUBLISH + header_frame(1, 0, class_id=50))
    assert client.expect_connection_close().code == 505


def test_content_may_be_interleaved_between_channels(client, q):
    one, two = client.channel(1), client.channel(2)
    a, b = q("a"), q("b")
    one.declare(a, exclusive=True)
    two.declare(b, exclusive=True)
    client.send(method_frame(1, "basic.publish", routing_key=a)
                + method_frame(2, "basic.publish", routing_key=b)
                + header_frame(2, 2) + header_frame(1, 4)
                + frame(wire.FRAME_BODY, 1, b"on") + frame(wire.FRAME_BODY, 2, b"22")
                + frame(wire.FRAME_BODY, 1, b"e!"))
    assert one.get_soon(a).body == b"one!"
    assert two.get_soon(b).body == b"22"


def test_immediate_flag_is_540(client):
    client.channel(1)
    client.send(publish_frames(1, "", "nowhere", b"", immediate=True))
    closed = client.expect_connection_close()
    assert (closed.code, closed.class_id, closed.method_id) == (540, 60, 40)


def test_prefetch_size_is_540(client):
    client.channel(1)
    client.send(method_frame(1, "basic.qos", prefetch_size=1024))
    closed = client.expect_connection_close()
    assert (closed.code, closed.class_id, closed.method_id) == (540, 60, 10)


def test_channel_flow_off_is_540(client):
    client.channel(1)
    client.send(method_frame(1, "channel.flow", active=False))
    assert client.expect_connection_close().code == 540


def test_channel_flow_on_is_answered(ch):
    assert ch.call("channel.flow", active=True).active is True


def test_access_request_is_granted_for_old_clients(ch):
    assert ch.call("access.request", realm="/data", active=True).ticket == 1


def test_connection_error_on_one_channel_ends_all_channels(connect, q):
    name = q()
    client = connect()
    client.channel(1).declare(name, exclusive=True)
    client.channel(2)
    client.send(method_frame(2, "basic.qos", prefetch_size=1))
    client.expect_connection_close()
    other = connect().channel()
    with pytest.raises(ChannelClosed) as error:
        other.declare(name, passive=True)
    assert error.value.code == 404
