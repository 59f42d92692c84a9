"""How the broker ends a channel or a connection."""

import pytest

from wire import ChannelClosed, SocketClosed


def close_code(call, *args, **kw):
    with pytest.raises(ChannelClosed) as error:
        call(*args, **kw)
    return error.value.code


def fresh(ch):
    """Another channel on the same connection, after this one was closed."""
    return ch.client.channel()


def refused(client, *codes):
    """The broker ends the connection: with connection.close carrying one of
    these codes, or by just closing the socket."""
    try:
        closed = client.expect_connection_close()
    except SocketClosed:
        return None
    assert closed.code in codes, closed
    return closed
