"""What has to be in a queue after a crash, and what must not be.

A message is one number: its publisher in the high octets, its own number, which only grows, in the
low ones. Its body says the same, so that whatever comes out of a queue can be judged.

Times are `time.monotonic_ns`. What a client has seen at some time (a delivery, the answer behind an
acknowledgement) is in the journal before everything published later; so once a later publish is
confirmed, it must outlive a crash. The latest such time is the *barrier*.
"""

import struct
import time

NUMBER_BITS = 40
HEAD = struct.Struct(">4sQ")
MAGIC = b"KILL"
FILLER = bytes(range(251)) * 90

# What is known of a message in one queue.
MAYBE, MUST, NEVER = "maybe", "must", "never"

stamp = time.monotonic_ns


def body_of(message, size):
    start = message % 251
    return HEAD.pack(MAGIC, message) + FILLER[start:start + max(0, size - HEAD.size)]


def message_in(body):
    """The message with this body; None when it is no body that was ever published."""
    if len(body) < HEAD.size:
        return None
    magic, message = HEAD.unpack_from(body)
    return message if magic == MAGIC and body == body_of(message, len(body)) else None


def named(message):
    return "%d/%d" % (message >> NUMBER_BITS, message & (1 << NUMBER_BITS) - 1)


class Violations(list):
    """What went wrong, the first few of each kind in words."""

    def __init__(self):
        super().__init__()
        self.counts = {}

    def add(self, kind, text):
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if self.counts[kind] <= 5:
            self.append("%s: %s" % (kind, text))


class QueueModel:
    """One durable queue as its clients know it.

    Args:
        is_watched: Nobody but the check takes messages out, so `redelivered` is exactly known.
        is_lossy: A consumer that does not acknowledge takes messages: what was on its way is gone.
    """

    def __init__(self, name, is_watched=True, is_lossy=False):
        self.name = name
        self.is_watched = is_watched
        self.is_lossy = is_lossy
        self.status = {}
        self.delivered = {}
        # Settled by the consumer: when that is known to have been done, or None.
        self.settled = {}
        # What the last check found.
        self.found = set()

    def forget(self, status):
        """A purge or deletion is on its way (MAYBE), or done (NEVER)."""
        for message, known in list(self.status.items()):
            if known != NEVER:
                self.status[message] = status

    def judge(self, found, barrier, violations):
        """Compares with what a drain found: [(message, redelivered)] in order.

        Returns: how many were there, and how many settled ones came back, which is allowed.
        """
        last, back = {}, 0
        self.found = seen = {message for message, _ in found}
        for message, redelivered in found:
            self._judge_one(message, redelivered, barrier, violations)
            publisher = message >> NUMBER_BITS
            if message <= last.get(publisher, -1):
                kind = "twice" if message == last[publisher] else "order"
                violations.add(kind, "%s after %s in %s" % (
                    named(message), named(last[publisher]), self.name))
            last[publisher] = message
            back += message in self.settled
        for message, status in self.status.items():
            if status == MUST and message not in seen and message not in self.settled \
                    and not self.is_lossy:
                violations.add("lost", "%s from %s" % (named(message), self.name))
        return len(found), back

    def _judge_one(self, message, redelivered, barrier, violations):
        name = "%s in %s" % (named(message), self.name)
        status = self.status.get(message)
        if status is None:
            violations.add("invented", "%s was not published there, or gone before" % name)
        elif status == NEVER:
            violations.add("came back", "%s was refused, transient or removed" % name)
        settled = self.settled.get(message)
        if settled is not None and settled < barrier:
            violations.add("acknowledged", "%s came back" % name)
        handed = self.delivered.get(message)
        if handed is not None and handed < barrier and not redelivered:
            violations.add("redelivered", "%s was handed out and is not marked" % name)
        if handed is None and self.is_watched and redelivered:
            violations.add("redelivered", "%s is marked and was never handed out" % name)

    def begin_again(self, kept):
        """From here on exactly these are in the queue, all of them handed out once."""
        self.status = dict.fromkeys(kept, MUST)
        self.delivered = dict.fromkeys(kept, 0)
        self.settled = {}


class StreamModel(QueueModel):
    """A stream as its clients know it: nobody takes anything out, but it may forget its beginning.

    An offset means one message for ever.
    """

    def __init__(self, name):
        super().__init__(name)
        self.offsets = {}

    def judge_offsets(self, found, violations):
        """Compares with what reading it from the beginning found: [(message, offset)] in order."""
        last = {}
        known = {message: offset for offset, message in self.offsets.items()}
        self.found = seen = {message for message, _ in found}
        first = found[0][1] if found else max(self.offsets, default=-1) + 1
        for index, (message, offset) in enumerate(found):
            name = "%s in %s" % (named(message), self.name)
            if offset != first + index:
                violations.add("offset", "%s has %d, not %d" % (name, offset, first + index))
            if self.offsets.setdefault(offset, message) != message:
                violations.add("offset", "%d was %s, is %s" % (
                    offset, named(self.offsets[offset]), name))
            if self.status.get(message, NEVER) == NEVER:
                violations.add("invented", "%s was not published there" % name)
            publisher = message >> NUMBER_BITS
            if message <= last.get(publisher, -1):
                violations.add("order", "%s after %s" % (name, named(last[publisher])))
            last[publisher] = message
        oldest = {}
        for message, _ in found:
            oldest.setdefault(message >> NUMBER_BITS, message)
        for message, status in self.status.items():
            if status != MUST or message in seen:
                continue
            if message in known:
                is_forgotten = known[message] < first
            else:
                # Where none of its publisher's is left, all of them may have been at the beginning.
                left = oldest.get(message >> NUMBER_BITS, message + 1)
                is_forgotten = first > 0 and message < left
            if not is_forgotten:
                violations.add("lost", "%s from %s" % (named(message), self.name))
        return len(found)
