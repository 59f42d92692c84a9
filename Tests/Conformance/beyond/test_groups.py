"""Queues with x-group-header: messages of a group go to one consumer at a time, in order."""

import threading

import pika
import pytest

from wire import ChannelClosed

pytestmark = pytest.mark.extensions

GROUPED = {"x-group-header": "order"}


@pytest.fixture
def worker(connect):
    """worker(queue, prefetch): a channel, on a connection of its own, that consumes."""

    def make(queue, prefetch=1):
        channel = connect().channel()
        channel.qos(prefetch)
        channel.consume(queue, consumer_tag="c")
        return channel

    return make


def fill(ch, queue, *texts):
    for text in texts:
        ch.publish(text.encode(), queue, headers={"order": text[0]})
    ch.sync()


def test_groups_are_spread_and_move_on_when_settled(ch, q, worker):
    name = q()
    ch.declare(name, arguments=GROUPED)
    first = worker(name)
    fill(ch, name, "a1", "a2", "b1", "a3")
    assert first.delivery().text == "a1"
    second = worker(name)
    assert second.delivery().text == "b1"
    second.ack(1)
    second.idle()
    second.cancel("c")
    first.ack(1)
    assert first.delivery().text == "a2"


def test_what_a_dropped_connection_held_comes_again_in_order(ch, q, worker):
    name = q()
    ch.declare(name, arguments=GROUPED)
    first = worker(name, 3)
    fill(ch, name, "a1", "a2", "b1", "a3")
    assert [event.text for event in first.deliveries(3)] == ["a1", "a2", "b1"]
    second = worker(name, 10)
    first.client.drop()
    assert [event.text for event in second.deliveries(4)] == ["a1", "a2", "b1", "a3"]


def test_consuming_without_acknowledgement_406(ch, q):
    name = q()
    ch.declare(name, arguments=GROUPED)
    with pytest.raises(ChannelClosed) as closed:
        ch.consume(name, no_ack=True)
    assert closed.value.code == 406


@pytest.mark.parametrize("arguments", [
    {"x-group-header": 7}, {"x-group-header": ""}, {"x-group-header": "h", "x-max-priority": 3}])
def test_what_cannot_be_406(ch, q, arguments):
    with pytest.raises(ChannelClosed) as closed:
        ch.declare(q(), arguments=arguments)
    assert closed.value.code == 406


def test_pika_workers_keep_the_order_of_each_group(pika_connect, q):
    """Four workers, twenty groups, two thousand messages; some are given back on the way."""
    groups, each, name = 20, 100, q()
    setup = pika_connect().channel()
    setup.queue_declare(name, arguments=GROUPED)
    done, lock, finished = [], threading.Lock(), threading.Event()

    def work(number):
        connection = pika_connect()
        channel = connection.channel()
        channel.basic_qos(prefetch_count=5)
        for method, properties, body in channel.consume(name, inactivity_timeout=0.2):
            if finished.is_set():
                return
            if method is None:
                continue
            if not method.redelivered and int(body) % 17 == number:
                channel.basic_nack(method.delivery_tag, requeue=True)
                continue
            with lock:
                done.append((properties.headers["order"], int(body)))
                if len(done) == groups * each:
                    finished.set()
            channel.basic_ack(method.delivery_tag)

    threads = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(4)]
    for thread in threads:
        thread.start()
    for number in range(each):
        for group in range(groups):
            setup.basic_publish("", name, str(number),
                                pika.BasicProperties(headers={"order": group}))
    assert finished.wait(30)
    for thread in threads:
        thread.join(10)
    assert sorted(done) == sorted((g, n) for g in range(groups) for n in range(each))
    for group in range(groups):
        seen = [number for g, number in done if g == group]
        # What was given back comes after what was out with it, a prefetch at most.
        assert all(abs(number - place) < 5 for place, number in enumerate(seen)), seen
