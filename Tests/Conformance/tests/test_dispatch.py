"""Who gets the next message: windows, turns, and consumers that do not keep up."""

import collections

import pytest


pytestmark = pytest.mark.semantics


@pytest.fixture
def queue(ch, q):
    name = q()
    ch.declare(name)
    return name


def feed(ch, queue, numbers):
    for n in numbers:
        ch.publish(b"%d" % n, queue)


def bodies(events):
    return [int(event.body) for event in events]


# ---- basic.qos in odd orders

def test_global_prefetch_set_below_what_is_out_stops_deliveries_until_it_fits(ch, queue):
    ch.qos(4, global_=True)
    ch.consume(queue)
    feed(ch, queue, range(8))
    out = ch.deliveries(4)
    ch.qos(2, global_=True)
    ch.ack(out[0].delivery_tag)
    ch.ack(out[1].delivery_tag)
    ch.idle()
    ch.ack(out[2].delivery_tag)
    assert ch.delivery().body == b"4"
    ch.idle()


def test_raised_global_prefetch_lets_waiting_messages_out_at_once(ch, queue):
    ch.qos(1, global_=True)
    ch.consume(queue)
    feed(ch, queue, range(5))
    ch.delivery()
    ch.idle()
    ch.qos(3, global_=True)
    assert bodies(ch.deliveries(2)) == [1, 2]
    ch.idle()


def test_global_prefetch_zero_takes_the_limit_away(ch, queue):
    ch.qos(1, global_=True)
    ch.consume(queue)
    feed(ch, queue, range(50))
    ch.delivery()
    ch.qos(0, global_=True)
    assert bodies(ch.deliveries(49)) == list(range(1, 50))


def test_prefetch_of_one_consumer_takes_the_limit_of_the_channel_away(ch, queue):
    ch.confirm()
    ch.qos(2, global_=True)
    ch.consume(queue)
    for n in range(6):
        ch.confirmed_publish(b"%d" % n, queue)
    assert [d.body for d in ch.deliveries(2)] == [b"0", b"1"]
    ch.idle()
    ch.qos(1)
    assert [d.body for d in ch.deliveries(4)] == [b"2", b"3", b"4", b"5"]


def test_global_prefetch_set_after_consuming_counts_what_is_already_out(ch, queue):
    ch.consume(queue)
    feed(ch, queue, range(3))
    out = ch.deliveries(3)
    ch.qos(3, global_=True)
    feed(ch, queue, range(3, 5))
    ch.idle()
    ch.ack(out[0].delivery_tag)
    assert ch.delivery().body == b"3"


def test_two_windows_of_one_channel_are_apart(ch, q):
    first, second = q(), q()
    ch.declare(first)
    ch.declare(second)
    ch.qos(1)
    one = ch.consume(first)
    ch.qos(3)
    two = ch.consume(second)
    feed(ch, first, range(5))
    feed(ch, second, range(5))
    got = collections.Counter(event.consumer_tag for event in ch.deliveries(4))
    assert got == {one: 1, two: 3}
    ch.idle()


def test_cancelled_consumer_still_fills_the_global_window(ch, queue):
    ch.qos(2, global_=True)
    tag = ch.consume(queue)
    feed(ch, queue, range(4))
    out = ch.deliveries(2)
    ch.cancel(tag)
    ch.consume(queue)
    ch.idle()
    ch.ack(out[1].delivery_tag, multiple=True)
    assert bodies(ch.deliveries(2)) == [2, 3]


def test_window_of_the_largest_size(ch, queue):
    ch.qos(65535)
    ch.consume(queue)
    feed(ch, queue, range(5000))
    out = ch.deliveries(5000)
    assert bodies(out) == list(range(5000))
    ch.ack(out[-1].delivery_tag, multiple=True)
    ch.publish(b"5000", queue)
    assert ch.delivery().delivery_tag == 5001


def test_requeued_message_needs_room_in_a_window_again(ch, queue):
    ch.qos(1)
    ch.consume(queue)
    feed(ch, queue, range(2))
    first = ch.delivery()
    ch.reject(first.delivery_tag, requeue=True)
    again = ch.delivery()
    assert (again.body, again.redelivered) == (b"0", True)
    ch.idle()


# ---- turns

def test_three_hundred_consumers_take_turns(client, ch, queue):
    channels = [client.channel() for _ in range(3)]
    for n in range(300):
        channels[n % 3].consume(queue, no_ack=True, consumer_tag="c%d" % n)
    for _ in range(2):
        feed(ch, queue, range(300))
        events = [event for channel in channels for event in channel.deliveries(100)]
        assert len({event.consumer_tag for event in events}) == 300


def test_three_hundred_consumers_with_a_window_of_one_get_one_each(client, ch, queue):
    channels = [client.channel() for _ in range(3)]
    for channel in channels:
        channel.qos(1)
    for n in range(300):
        channels[n % 3].consume(queue, consumer_tag="c%d" % n)
    feed(ch, queue, range(400))
    events = [event for channel in channels for event in channel.deliveries(100)]
    assert len({event.consumer_tag for event in events}) == 300
    ch.wait_count(queue, 100)
    for channel in channels:
        channel.idle(0.05)


def test_consumer_with_a_full_window_is_passed_over_in_the_turns(client, ch, queue):
    full, one, two = client.channel(), client.channel(), client.channel()
    full.qos(1)
    full.consume(queue)
    ch.publish(b"keeps", queue)
    full.delivery()
    one.consume(queue, no_ack=True)
    two.consume(queue, no_ack=True)
    feed(ch, queue, range(40))
    got = bodies(one.deliveries(20)), bodies(two.deliveries(20))
    assert sorted(got[0] + got[1]) == list(range(40))
    full.idle()


def test_order_is_kept_for_each_of_many_consumers(client, ch, queue):
    channels = [client.channel() for _ in range(10)]
    for channel in channels:
        channel.qos(7)
        channel.consume(queue)
    feed(ch, queue, range(700))
    left, seen = 700, []
    while left:
        for channel in channels:
            pending = client.pending[channel.number]
            while pending:
                event = channel.delivery()
                seen.append((channel.number, int(event.body)))
                channel.ack(event.delivery_tag)
                left -= 1
        if left:
            client.pump()
    assert sorted(n for _, n in seen) == list(range(700))
    for channel in channels:
        mine = [n for number, n in seen if number == channel.number]
        assert mine == sorted(mine)


# ---- consumers that do not keep up

def test_consumer_that_does_not_read_leaves_most_messages_in_the_queue(connect, ch, queue):
    """What the broker keeps for a connection is bounded, whatever the consumer asked for."""
    sleeper = connect()
    sleeper.channel(1).consume(queue, no_ack=True)
    ch.confirm()
    for _ in range(1000):
        ch.publish(b"x" * 65536, queue)
    confirmed = 0
    while confirmed < 1000:
        confirmed = ch.expect("basic.ack", timeout=40).delivery_tag
    assert ch.count(queue) > 300


def test_reading_again_brings_everything_in_order(connect, ch, queue):
    sleeper = connect()
    consumer = sleeper.channel(1)
    consumer.consume(queue, no_ack=True)
    for n in range(400):
        ch.publish((b"%d" % n).ljust(65536), queue)
    ch.sync()
    assert bodies(consumer.deliveries(400, timeout=40)) == list(range(400))


def test_sleeping_consumer_beside_a_waking_one_does_not_hold_the_queue_up(connect, ch, queue):
    sleeper, awake = connect(), connect().channel(1)
    sleeper.channel(1).consume(queue, no_ack=True)
    awake.consume(queue, no_ack=True)
    for n in range(1000):
        ch.publish((b"%d" % n).ljust(65536), queue)
    got = bodies(awake.deliveries(400, timeout=40))
    assert got == sorted(got)


def test_messages_of_a_sleeping_consumer_come_back_when_it_leaves(connect, ch, queue):
    sleeper = connect()
    sleeper.channel(1).consume(queue)
    for n in range(300):
        ch.publish((b"%d" % n).ljust(65536), queue)
    ch.sync()
    sleeper.drop()
    ch.wait_count(queue, 300, timeout=40)
    assert bodies(ch.drain(queue)) == list(range(300))


def test_publisher_far_ahead_of_its_consumer_loses_nothing(connect, ch, queue):
    publisher = connect().channel(1)
    ch.qos(10)
    ch.consume(queue)
    for n in range(20000):
        publisher.publish(b"%d" % n, queue)
    for n in range(20000):
        event = ch.delivery()
        assert int(event.body) == n
        if n % 5 == 4:
            ch.ack(event.delivery_tag, multiple=True)
