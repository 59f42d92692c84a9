"""A connection for full speed: frames built by hand, octets parsed in place."""

import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../Conformance"))
import wire  # noqa: E402

REPLY_SECONDS_MAX = 60.0

CLOSE = 10 << 16 | 50
ACK, RETURN, DELIVER = 60 << 16 | 80, 60 << 16 | 50, 60 << 16 | 60
# connection-forced: the reply code of a connection.close when the broker stops.
STOPPING = 320


class Gone(Exception):
    """The broker is not there any more."""


class Unexpected(Exception):
    """The broker answered something it had no reason to."""


class Link:
    """One connection with one channel, used by one thread."""

    def __init__(self, port):
        try:
            client = wire.Client("127.0.0.1", port, timeout=REPLY_SECONDS_MAX)
            client.open("guest", "guest")
            client.channel(1)
        except (OSError, wire.SocketClosed) as error:
            raise Gone(str(error)) from error
        except wire.ConnectionClosed as error:
            if error.code != STOPPING:
                raise
            raise Gone("stopped in order") from error
        self.sock = client.sock
        self.buffer = bytearray(client.buffer)
        self.position = 0
        self.partial = None
        # Of the message that came last.
        self.content_header = b""

    def send(self, octets):
        try:
            self.sock.settimeout(REPLY_SECONDS_MAX)
            self.sock.sendall(octets)
        except socket.timeout as error:
            raise Unexpected("the broker takes no octets") from error
        except OSError as error:
            raise Gone(str(error)) from error

    def events(self, wait):
        """What has come: (method id, payload, body); waits at most so long for the first octet."""
        del self.buffer[:self.position]
        self.position = 0
        try:
            self.sock.settimeout(wait or 0.0)
            octets = self.sock.recv(1 << 18)
        except (socket.timeout, BlockingIOError):
            return
        except OSError as error:
            raise Gone(str(error)) from error
        if not octets:
            raise Gone("end of stream")
        self.buffer += octets
        yield from self._frames()

    def _frames(self):
        data = self.buffer
        while len(data) - self.position >= 8:
            kind, _, size = struct.unpack_from(">BHI", data, self.position)
            end = self.position + 7 + size
            if len(data) <= end:
                return
            payload = bytes(data[self.position + 7:end])
            self.position = end + 1
            if kind == wire.FRAME_METHOD:
                method = struct.unpack_from(">I", payload)[0]
                if method in (DELIVER, RETURN):
                    self.partial = [method, payload, None, b""]
                    continue
                if method == CLOSE and struct.unpack_from(">H", payload, 4)[0] == STOPPING:
                    self.send(wire.method_frame(0, "connection.close-ok"))
                    raise Gone("stopped in order")
                if method in (CLOSE, 20 << 16 | 40):
                    raise Unexpected("closed by the broker: %r" % payload)
                yield method, payload, None
            elif kind == wire.FRAME_HEADER:
                self.partial[2] = struct.unpack_from(">Q", payload, 4)[0]
                self.content_header = payload
            elif kind == wire.FRAME_BODY:
                self.partial[3] += payload
            if self.partial and self.partial[2] == len(self.partial[3]):
                method, payload, _, body = self.partial
                self.partial = None
                yield method, payload, body

    def call(self, name, also=None, **arguments):
        """Sends a method and waits for its answer, which it gives; `also` gets other events."""
        self.send(wire.method_frame(1, name, **arguments))
        wanted = wire.METHOD_IDS[name + "-ok"]
        return self.wait_for(wanted[0] << 16 | wanted[1], also)

    def wait_for(self, wanted, also=None):
        limit = time.monotonic() + REPLY_SECONDS_MAX
        answer = None
        while answer is None:
            if time.monotonic() > limit:
                raise Unexpected("no answer within %d s" % REPLY_SECONDS_MAX)
            for event in self.events(1.0):
                if event[0] == wanted:
                    answer = event
                elif also:
                    also(event)
        return wire.decode_method(answer[1])[1]

    def close(self):
        """Says goodbye and waits for the answer."""
        self.send(wire.method_frame(0, "connection.close", reply_code=200, reply_text="bye"))
        self.wait_for(10 << 16 | 51)
        self.sock.close()


def delivery(payload):
    """Delivery tag and redelivered flag of a basic.deliver."""
    at = 5 + payload[4]
    return struct.unpack_from(">Q", payload, at)[0], payload[at + 8] & 1 == 1


def stream_offset(content_header):
    """The header x-stream-offset; None without it."""
    name = b"\x0fx-stream-offsetl"
    at = content_header.find(name)
    return struct.unpack_from(">q", content_header, at + len(name))[0] if at >= 0 else None


def settlement(payload):
    """Number and multiple flag of a basic.ack or basic.nack."""
    return struct.unpack_from(">Q", payload, 4)[0], payload[12] & 1 == 1
