"""Many clients at once on the same few queues and exchanges, some of them rude.

What each sees depends on the others; what must hold does not: only the errors the protocol knows
for such a crowd, nobody is cut off for another's deeds, every message is accounted for.
"""

import contextlib
import random
import threading
import traceback
import uuid

import pytest

import wire
from wire import ChannelClosed

pytestmark = pytest.mark.robustness

# Not there (any more), locked by another, other properties or in use, exclusively consumed.
EXPECTED = {403, 404, 405, 406}


class Guest:
    """One client of the crowd, with a seed of its own."""

    def __init__(self, target, names, seed):
        self.target = target
        self.names = names
        self.random = random.Random(seed)
        self.failure = None
        self.rounds = 0

    def visit(self, rounds):
        try:
            while self.rounds < rounds:
                self.round()
                self.rounds += 1
        except Exception as error:  # shown by the test, with the seed
            self.failure = "".join(traceback.format_exception(error))

    def round(self):
        client = wire.Client(self.target.host, self.target.port)
        try:
            client.open(self.target.user, self.target.password, self.target.vhost)
            channels = [client.channel() for _ in range(self.random.randint(1, 3))]
            for _ in range(self.random.randint(5, 40)):
                which = self.random.randrange(len(channels))
                try:
                    self.act(channels[which])
                except ChannelClosed as closed:
                    if closed.code not in EXPECTED:
                        raise
                    channels[which] = client.channel()
            if self.random.random() < 0.5:
                client.close()
        finally:
            client.drop()

    def act(self, ch):
        queue = self.random.choice(self.names["queues"])
        exchange = self.random.choice(list(self.names["exchanges"]))
        key = self.random.choice(["a", "a.b", "a.b.c", "", queue])
        roll = self.random.random()
        if roll < 0.15:
            ch.declare(queue, auto_delete=self.random.random() < 0.2)
        elif roll < 0.25:
            ch.exchange(exchange, self.names["exchanges"][exchange])
        elif roll < 0.35:
            ch.bind(queue, exchange, self.random.choice([key, "#", "a.*"]))
        elif roll < 0.40:
            ch.unbind(queue, exchange, key)
        elif roll < 0.42:
            ch.bind_exchange(exchange, self.random.choice(list(self.names["exchanges"])), "#")
        elif roll < 0.60:
            for _ in range(self.random.randint(1, 30)):
                ch.publish(b"m" * self.random.choice([0, 10, 5000]), key,
                           self.random.choice(["", exchange]), self.random.random() < 0.2)
            ch.sync()
        elif roll < 0.75:
            self.take(ch, queue)
        elif roll < 0.85:
            self.consume(ch, queue)
        elif roll < 0.90:
            ch.call("queue.purge", queue=queue)
        elif roll < 0.94:
            ch.call("queue.delete", queue=queue, if_unused=self.random.random() < 0.5)
        elif roll < 0.97:
            ch.call("exchange.delete", exchange=exchange)
        else:
            ch.call("basic.recover", requeue=True)

    def take(self, ch, queue):
        event = ch.get(queue, no_ack=self.random.random() < 0.3)
        if event is None or self.random.random() < 0.3:
            return
        with contextlib.suppress(ChannelClosed):
            settle = self.random.choice([ch.ack, ch.nack, ch.reject])
            settle(event.delivery_tag)

    def consume(self, ch, queue):
        if self.random.random() < 0.5:
            ch.qos(self.random.randint(1, 5), global_=self.random.random() < 0.5)
        tag = ch.consume(queue, no_ack=self.random.random() < 0.5)
        ch.sync()
        if self.random.random() < 0.6:
            ch.cancel(tag)


@pytest.mark.timeout(240)
def test_crowd_meets_only_expected_errors_and_leaves_a_working_broker(target, client, q, x):
    names = {"queues": [q() for _ in range(6)],
             "exchanges": {x(): kind for kind in ("direct", "fanout", "topic", "headers")}}
    seed = uuid.uuid4().int & 0xFFFFFFFF
    guests = [Guest(target, names, seed + n) for n in range(8)]
    threads = [threading.Thread(target=guest.visit, args=(40,), daemon=True) for guest in guests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(200)
    for guest in guests:
        assert guest.failure is None and guest.rounds == 40, "seed %d: %s" % (seed, guest.failure)
    ch = client.channel()
    for queue in names["queues"]:
        ch.call("queue.delete", queue=queue)
        ch.declare(queue)
        assert (ch.count(queue), ch.consumers(queue)) == (0, 0)


@pytest.mark.timeout(240)
def test_every_message_of_a_crowd_is_taken_exactly_once(connect, q):
    """Publishers with confirms; consumers that ack, requeue, or drop the connection."""
    name, publishers, each = q(), 4, 1500
    control = connect().channel()
    control.declare(name)
    done, taken, lock = threading.Event(), [], threading.Lock()
    failures = []

    def publish(number):
        try:
            ch = connect().channel()
            ch.confirm()
            for n in range(each):
                ch.publish(b"%d.%d" % (number, n), name)
            confirmed = 0
            while confirmed < each:
                confirmed = ch.expect("basic.ack", timeout=60).delivery_tag
        except Exception as error:
            failures.append(error)

    def consume(seed):
        chance = random.Random(seed)
        try:
            while not done.is_set():
                client = connect()
                ch = client.channel()
                ch.qos(chance.randint(1, 20))
                ch.consume(name)
                for _ in range(chance.randint(50, 300)):
                    try:
                        event = ch.delivery(timeout=0.2)
                    except wire.NothingArrived:
                        if done.is_set():
                            break
                        continue
                    if chance.random() < 0.1:
                        ch.nack(event.delivery_tag, requeue=True)
                        continue
                    ch.ack(event.delivery_tag)
                    ch.sync()  # From here on the message must not come again.
                    with lock:
                        taken.append(event.body)
                        if len(taken) == publishers * each:
                            done.set()
                client.drop()
        except Exception as error:
            failures.append(error)
            done.set()

    threads = [threading.Thread(target=publish, args=(n,), daemon=True)
               for n in range(publishers)]
    threads += [threading.Thread(target=consume, args=(n,), daemon=True) for n in range(4)]
    for thread in threads:
        thread.start()
    assert done.wait(200), "taken %d of %d" % (len(taken), publishers * each)
    for thread in threads:
        thread.join(30)
    assert not failures
    expected = sorted(b"%d.%d" % (p, n) for p in range(publishers) for n in range(each))
    assert sorted(taken) == expected
    control.wait_count(name, 0)
