"""The broker that scripts/with-brokerd has started, as scripts that measure see it."""

import os
import pathlib
import struct
import sys
import urllib.parse

ROOT = pathlib.Path(os.path.abspath(__file__)).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Tests" / "Conformance"))
sys.dont_write_bytecode = True

import wire  # noqa: E402


def processor_seconds():
    """What all threads of the broker have used so far."""
    tasks = pathlib.Path("/proc/%s/task" % os.environ["BROKERD_PID"]).iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def resident_mib():
    status = pathlib.Path("/proc/%s/status" % os.environ["BROKERD_PID"]).read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def connect():
    url = urllib.parse.urlparse(os.environ["AMQP_URL"])
    client = wire.Client(url.hostname, url.port, timeout=60)
    client.open("guest", "guest", "/")
    return client


class Deliveries:
    """What a new consumer gets: deliveries that are all equally long, counted by their octets."""

    def __init__(self, channel, queue, **consume):
        self.sock = channel.client.sock
        self.sock.settimeout(60)
        self.buffer = memoryview(bytearray(4 << 20))
        self.received = 0
        self.sizes = []
        self.sock.sendall(wire.method_frame(channel.number, "basic.consume", queue=queue,
                                            consumer_tag="c", **consume))

    def receive(self):
        """Waits for more; returns how many deliveries have come so far."""
        place = 0 if self.sizes else self.received
        self.received += self.sock.recv_into(self.buffer[place:])
        if not self.sizes:
            self.sizes = frame_sizes(self.buffer[:self.received])
        if not self.sizes:
            return 0
        return (self.received - self.sizes[0]) // sum(self.sizes[1:])


def frame_sizes(octets):
    """The sizes of consume-ok and of the three frames of the first delivery, once they are there."""
    sizes, place = [], 0
    while len(sizes) < 4:
        if len(octets) < place + 7:
            return []
        size = struct.unpack(">I", octets[place + 3:place + 7])[0] + 8
        sizes.append(size)
        place += size
    return sizes
