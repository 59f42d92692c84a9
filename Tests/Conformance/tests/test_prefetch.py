"""Prefetch, of consumers and of channels."""

import collections

import pytest

from numbered import fill, numbers, queue

pytestmark = pytest.mark.core


# ---- prefetch

@pytest.mark.semantics
def test_prefetch_limits_unacknowledged_deliveries(ch, queue):
    ch.qos(3)
    ch.consume(queue)
    fill(ch, queue, 6)
    got = ch.deliveries(3)
    ch.idle()
    ch.ack(got[0].delivery_tag)
    assert ch.delivery().body == b"3"
    ch.idle()


@pytest.mark.semantics
def test_prefetch_zero_means_no_limit(ch, queue):
    ch.qos(0)
    ch.consume(queue)
    fill(ch, queue, 300)
    assert len(ch.deliveries(300)) == 300


@pytest.mark.semantics
def test_prefetch_counts_for_each_consumer_on_the_channel(ch, q):
    a, b = q("a"), q("b")
    ch.qos(2)
    for name in (a, b):
        ch.declare(name)
        ch.consume(name, consumer_tag=name)
        fill(ch, name, 5)
    got = collections.Counter(e.consumer_tag for e in ch.deliveries(4))
    assert got == {a: 2, b: 2}
    ch.idle()


@pytest.mark.semantics
def test_global_prefetch_is_shared_by_the_channels_consumers(ch, q):
    a, b = q("a"), q("b")
    ch.qos(3, global_=True)
    for name in (a, b):
        ch.declare(name)
        ch.consume(name)
        fill(ch, name, 5)
    got = ch.deliveries(3)
    ch.idle()
    ch.ack(got[-1].delivery_tag, multiple=True)
    ch.deliveries(3)
    ch.idle()


@pytest.mark.semantics
def test_per_consumer_and_global_prefetch_both_hold(ch, q):
    a, b = q("a"), q("b")
    ch.qos(2, global_=False)
    ch.qos(3, global_=True)
    for name in (a, b):
        ch.declare(name)
        ch.consume(name, consumer_tag=name)
        fill(ch, name, 5)
    got = collections.Counter(e.consumer_tag for e in ch.deliveries(3))
    assert max(got.values()) == 2
    ch.idle()


@pytest.mark.semantics
def test_prefetch_applies_to_consumers_started_later_only(ch, q):
    a, b = q("a"), q("b")
    ch.declare(a)
    ch.declare(b)
    ch.consume(a)
    ch.qos(1)
    ch.consume(b)
    fill(ch, a, 5)
    ch.deliveries(5)
    fill(ch, b, 5)
    ch.deliveries(1)
    ch.idle()


@pytest.mark.semantics
def test_prefetch_does_not_limit_no_ack_consumers(ch, queue):
    ch.qos(1)
    ch.consume(queue, no_ack=True)
    fill(ch, queue, 10)
    ch.deliveries(10)


@pytest.mark.semantics
def test_basic_get_is_not_limited_by_prefetch(ch, queue):
    ch.qos(1)
    fill(ch, queue, 3)
    assert numbers(ch.get_soon(queue, no_ack=False) for _ in range(3)) == [0, 1, 2]


@pytest.mark.semantics
def test_prefetch_one_leaves_work_to_the_free_consumer(connect, ch, queue):
    slow, quick = connect().channel(), connect().channel()
    for worker in (slow, quick):
        worker.qos(1)
        worker.consume(queue)
    fill(ch, queue, 10)
    stuck = int(slow.delivery().body)
    done = []
    for n in range(9):
        event = quick.delivery()
        done.append(int(event.body))
        quick.ack(event.delivery_tag)
    assert sorted(done + [stuck]) == list(range(10))
    slow.idle()


@pytest.mark.semantics
def test_multiple_ack_reopens_the_whole_window(ch, queue):
    ch.qos(4)
    ch.consume(queue)
    fill(ch, queue, 8)
    got = ch.deliveries(4)
    ch.ack(got[-1].delivery_tag, multiple=True)
    assert numbers(ch.deliveries(4)) == [4, 5, 6, 7]


@pytest.mark.semantics
def test_reject_reopens_the_window(ch, queue):
    ch.qos(1)
    ch.consume(queue)
    fill(ch, queue, 2)
    ch.reject(ch.delivery().delivery_tag, requeue=False)
    assert ch.delivery().body == b"1"
