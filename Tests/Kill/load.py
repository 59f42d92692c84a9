"""Publishers and consumers at full speed, which tell the model what they did and saw."""

import random
import threading

import wire
from link import ACK, DELIVER, RETURN, Gone, Link, delivery, settlement
from model import HEAD, MAYBE, MUST, NEVER, NUMBER_BITS, body_of, message_in, stamp

SIZES = {"tiny": HEAD.size, "1k": 1024, "20k": 20 * 1024}
UNCONFIRMED_MAX = 2000


class Round:
    """What the threads of one round share."""

    def __init__(self, port, seed):
        self.port = port
        self.seed = seed
        # The time of the latest publish that is known to be on the disk.
        self.barrier = 0
        self.confirmed = self.refused = self.settled = 0
        self.commits = self.removals = 0
        self.failures = []
        self.lock = threading.Lock()

    def reached(self, sent_at):
        with self.lock:
            self.barrier = max(self.barrier, sent_at)

    def count(self, **more):
        with self.lock:
            for name, number in more.items():
                setattr(self, name, getattr(self, name) + number)


class Worker(threading.Thread):
    """Does something until the broker is gone."""

    # Numbers go on over all rounds; the publisher's own comes first.
    def __init__(self, number, name):
        super().__init__(name=name, daemon=True)
        self.number = number
        self.next = number << NUMBER_BITS

    def begin(self, shared):
        """A worker for one more round, which goes on with the same numbers."""
        threading.Thread.__init__(self, name=self.name, daemon=True)
        self.shared = shared
        self.random = random.Random("%s %s" % (shared.seed, self.name))
        self.start()

    def run(self):
        try:
            self.link = Link(self.shared.port)
            self.work()
        except Gone:
            self.end()
        except Exception as error:
            self.shared.failures.append("%s: %s %s" % (self.name, type(error).__name__, error))

    def end(self):
        """The broker is gone; what it had sent before has been read."""

    def new_message(self):
        self.next += 1
        return self.next


def publish(message, size, exchange, key, is_persistent=True, is_mandatory=False):
    return wire.publish_frames(1, exchange, key, body_of(message, size),
                               {"delivery_mode": 2 if is_persistent else 1}, mandatory=is_mandatory)


class Publisher(Worker):
    """Publishes numbered messages with confirms.

    Args:
        route: Exchange and routing key.
        queues: Models of the queues they lead to.
        sizes: Names in `SIZES`.
        limited: The model of the queue that may refuse, if one does.
        transient: The share of messages that are not persistent.
    """

    def __init__(self, number, name, route, queues, sizes, limited=None, transient=0.0,
                 bytes_max=40 << 20, proves_disk=True):
        super().__init__(number, name)
        self.route, self.queues, self.sizes = route, queues, sizes
        self.limited, self.transient, self.bytes_max = limited, transient, bytes_max
        self.proves_disk = proves_disk

    def work(self):
        self.link.call("confirm.select")
        self.waiting, self.tag = {}, 0
        left = self.bytes_max
        while True:
            if left > 0 and len(self.waiting) < UNCONFIRMED_MAX:
                left -= self.send_some(self.random.choice((1, 2, 5, 20, 60)))
                self.read(0.0)
            else:
                self.read(0.05)

    def send_some(self, count):
        frames, fresh = [], []
        for _ in range(count):
            message = self.new_message()
            is_persistent = self.random.random() >= self.transient
            size = SIZES[self.random.choice(self.sizes)]
            frames.append(publish(message, size, *self.route, is_persistent=is_persistent))
            for queue in self.queues:
                queue.status[message] = MAYBE if is_persistent else NEVER
            fresh.append((message, is_persistent))
        sent_at = stamp()
        for message, is_persistent in fresh:
            self.tag += 1
            self.waiting[self.tag] = (message, is_persistent, sent_at)
        octets = b"".join(frames)
        self.link.send(octets)
        return len(octets)

    def read(self, wait):
        for method, payload, _ in self.link.events(wait):
            number, is_multiple = settlement(payload)
            tags = [number]
            if is_multiple:
                tags = []
                for tag in self.waiting:
                    if tag > number:
                        break
                    tags.append(tag)
            for tag in tags:
                self.answered(self.waiting.pop(tag), method == ACK)

    def answered(self, publish, is_accepted):
        message, is_persistent, sent_at = publish
        if not is_accepted:
            self.limited.status[message] = NEVER
            self.shared.count(refused=1)
            return
        self.shared.count(confirmed=1)
        if is_persistent:
            for queue in self.queues:
                queue.status[message] = MUST
            if self.proves_disk:
                self.shared.reached(sent_at)

    def end(self):
        try:
            while True:
                self.read(0.5)
        except Gone:
            return


class Transactions(Worker):
    """Publishes in transactions, to several queues in turn; some are rolled back."""

    def __init__(self, number, name, queues):
        super().__init__(number, name)
        self.queues = queues
        self.open = []

    def work(self):
        self.open = []
        self.link.call("tx.select")
        while True:
            members = []
            for index in range(self.random.randint(2, 30)):
                members.append((self.new_message(), self.queues[index % len(self.queues)]))
            is_kept = self.random.random() < 0.8
            for message, queue in members:
                queue.status[message] = MAYBE if is_kept else NEVER
            self.open = members if is_kept else []
            sent_at = stamp()
            self.link.send(b"".join(
                publish(message, SIZES[self.random.choice(("tiny", "1k"))], "", queue.name)
                for message, queue in members))
            self.link.call("tx.commit" if is_kept else "tx.rollback")
            if is_kept:
                for message, queue in members:
                    queue.status[message] = MUST
                self.shared.reached(sent_at)
                self.shared.count(commits=1)
                self.open = []


class Consumer(Worker):
    """Takes messages and acknowledges most of them, in every way there is."""

    def __init__(self, number, name, queue, is_automatic=False):
        super().__init__(number, name)
        self.queue = queue
        self.is_automatic = is_automatic

    def work(self):
        self.held, self.sent = [], []
        self.link.call("basic.qos", prefetch_count=200)
        self.link.send(wire.method_frame(
            1, "basic.consume", queue=self.queue.name, no_ack=self.is_automatic))
        while True:
            for event in self.link.events(0.2):
                self.take(event)
            if self.is_automatic:
                continue
            self.settle_some()
            if self.sent and self.random.random() < 0.3:
                self.synchronize()

    def take(self, event):
        method, payload, body = event
        if method != DELIVER:
            return
        tag, _ = delivery(payload)
        message = message_in(body)
        if message is None:
            self.shared.failures.append("%s: a message nobody published" % self.name)
            return
        if self.is_automatic:
            self.queue.settled[message] = stamp()
            self.shared.count(settled=1)
        else:
            self.queue.delivered[message] = stamp()
            self.held.append((tag, message))

    def settle_some(self):
        """All but the youngest few; in one go, one by one, sent back, or thrown away."""
        spare = self.random.randint(0, 100)
        ripe, self.held = self.held[:-spare or None], self.held[-spare:] if spare else []
        if not ripe:
            return
        how = self.random.choice(("multiple", "single", "single", "reject", "requeue", "skip"))
        if how == "skip":
            self.held = ripe + self.held
            return
        if how == "requeue":
            back, ripe = ripe[:3], ripe[3:]
            for tag, _ in back:
                self.link.send(wire.method_frame(1, "basic.nack", delivery_tag=tag, requeue=True))
        for _, message in ripe:
            self.queue.settled[message] = None
        frames = []
        if how == "multiple":
            frames.append(wire.method_frame(
                1, "basic.ack", delivery_tag=ripe[-1][0], multiple=True))
        else:
            name = "basic.reject" if how == "reject" else "basic.ack"
            frames += [wire.method_frame(1, name, delivery_tag=tag) for tag, _ in ripe]
        self.sent += [message for _, message in ripe]
        if frames and ripe:
            self.link.send(b"".join(frames))

    def synchronize(self):
        """A round trip: what was settled before has been dealt with."""
        done, self.sent = self.sent, []
        self.link.call("basic.qos", also=self.take, prefetch_count=200)
        now = stamp()
        for message in done:
            self.queue.settled[message] = now
        self.shared.count(settled=len(done))

    def end(self):
        try:
            while True:
                for event in self.link.events(0.5):
                    self.take(event)
        except Gone:
            return


class Removals(Worker):
    """Purges, deletes and declares one queue again and again, and binds and unbinds it."""

    EXCHANGE, KEY = "kill.changes", "key"

    def __init__(self, number, name, queue):
        super().__init__(number, name)
        self.queue = queue
        # True, False, or None while nobody knows.
        self.is_there = self.is_bound = False

    def work(self):
        self.link.call("confirm.select")
        self.tag = 0
        while True:
            if not self.is_there:
                self.is_there = None
                self.link.call("queue.declare", queue=self.queue.name, durable=True)
                self.is_there = True
            step = self.random.choice((self.publish, self.publish, self.bind, self.unbind,
                                       self.purge, self.delete))
            step()
            self.shared.count(removals=1)

    def names(self):
        return {"queue": self.queue.name, "exchange": self.EXCHANGE, "routing_key": self.KEY}

    def bind(self):
        self.is_bound = self.is_bound or None
        self.link.call("queue.bind", **self.names())
        self.is_bound = True

    def unbind(self):
        self.is_bound = None if self.is_bound else False
        self.link.call("queue.unbind", **self.names())
        self.is_bound = False

    def purge(self):
        self.queue.forget(MAYBE)
        self.link.call("queue.purge", queue=self.queue.name)
        self.queue.forget(NEVER)

    def delete(self):
        self.queue.forget(MAYBE)
        self.is_there = None
        self.is_bound = None if self.is_bound else False
        self.link.call("queue.delete", queue=self.queue.name)
        self.queue.forget(NEVER)
        self.is_there = self.is_bound = False

    def publish(self):
        route = (self.EXCHANGE, self.KEY) if self.is_bound else ("", self.queue.name)
        members = [self.new_message() for _ in range(self.random.randint(1, 20))]
        for message in members:
            self.queue.status[message] = MAYBE
        sent_at = stamp()
        self.link.send(b"".join(publish(message, SIZES["1k"], *route) for message in members))
        self.tag += len(members)
        last = 0
        while last < self.tag:
            for method, payload, _ in self.link.events(1.0):
                assert method == ACK, "a publish was not confirmed"
                last = settlement(payload)[0]
        for message in members:
            self.queue.status[message] = MUST
        self.shared.reached(sent_at)

    def probe(self, link):
        """Publishes one message through the binding.

        Returns: whether a queue got it, after waiting for the confirm.
        """
        message = self.new_message()
        came_back = []
        link.call("confirm.select")
        link.send(publish(message, SIZES["tiny"], self.EXCHANGE, self.KEY, is_mandatory=True))
        link.wait_for(ACK, also=lambda event: came_back.append(event[0] == RETURN))
        if not came_back:
            self.queue.status[message] = MUST
        return not came_back
