"""Acknowledging, rejecting, requeueing and recovering deliveries."""

import pytest

from numbered import fill, numbers, queue
from wire import ConnectionClosed

pytestmark = pytest.mark.core


# ---- acknowledging

def test_acknowledged_message_does_not_come_back(client, queue):
    ch = client.channel()
    ch.publish(b"m", queue)
    ch.ack(ch.get_soon(queue, no_ack=False).delivery_tag)
    ch.close()
    assert client.channel().get(queue) is None


def test_unacknowledged_message_comes_back_redelivered_when_the_channel_closes(client, queue):
    ch = client.channel()
    ch.publish(b"m", queue)
    first = ch.get_soon(queue, no_ack=False)
    assert first.redelivered is False
    ch.close()
    again = client.channel().get_soon(queue)
    assert (again.body, again.redelivered) == (b"m", True)


def test_unacknowledged_messages_come_back_when_the_socket_drops(connect, queue, ch):
    gone = connect()
    other = gone.channel()
    other.publish(b"m", queue)
    other.get_soon(queue, no_ack=False)
    gone.drop()
    assert ch.get_soon(queue).redelivered is True


def test_multiple_ack_covers_everything_up_to_the_tag(client, queue):
    ch = client.channel()
    fill(ch, queue, 5)
    for n in range(5):
        ch.get_soon(queue, no_ack=False)
    ch.ack(3, multiple=True)
    ch.close()
    assert numbers(client.channel().drain(queue)) == [3, 4]


def test_multiple_ack_of_tag_zero_covers_everything(client, queue):
    ch = client.channel()
    fill(ch, queue, 4)
    for n in range(4):
        ch.get_soon(queue, no_ack=False)
    ch.ack(0, multiple=True)
    ch.close()
    assert client.channel().get(queue) is None


def test_acks_may_come_out_of_order(client, queue):
    ch = client.channel()
    fill(ch, queue, 3)
    for n in range(3):
        ch.get_soon(queue, no_ack=False)
    ch.ack(3)
    ch.ack(1)
    ch.close()
    assert numbers(client.channel().drain(queue)) == [1]


@pytest.mark.parametrize("tag,multiple", [(99, False), (99, True), (0, False)])
def test_ack_of_unknown_tag_is_406(ch, queue, tag, multiple):
    ch.publish(b"m", queue)
    ch.get_soon(queue, no_ack=False)
    ch.ack(tag, multiple)
    closed = ch.expect_close(406)
    assert (closed.class_id, closed.method_id) == (60, 80)


def test_double_ack_is_406_and_the_first_counts(client, queue):
    ch = client.channel()
    ch.publish(b"m", queue)
    tag = ch.get_soon(queue, no_ack=False).delivery_tag
    ch.ack(tag)
    ch.ack(tag)
    ch.expect_close(406)
    assert client.channel().get(queue) is None


def test_ack_on_another_channel_is_406(client, queue):
    one, two = client.channel(), client.channel()
    one.publish(b"m", queue)
    tag = one.get_soon(queue, no_ack=False).delivery_tag
    two.ack(tag)
    two.expect_close(406)


@pytest.mark.parametrize("method", ["basic.reject", "basic.nack"])
def test_rejecting_an_unknown_tag_is_406(ch, method):
    ch.send(method, delivery_tag=5)
    ch.expect_close(406)


# ---- rejecting and requeueing

def test_reject_without_requeue_drops_the_message(client, queue):
    ch = client.channel()
    ch.publish(b"m", queue)
    ch.reject(ch.get_soon(queue, no_ack=False).delivery_tag, requeue=False)
    ch.close()
    assert client.channel().get(queue) is None


def test_reject_with_requeue_redelivers_to_the_same_consumer_when_alone(ch, queue):
    ch.consume(queue)
    ch.publish(b"m", queue)
    first = ch.delivery()
    ch.reject(first.delivery_tag, requeue=True)
    again = ch.delivery()
    assert (first.redelivered, again.redelivered) == (False, True)
    assert again.delivery_tag == first.delivery_tag + 1


def test_nack_multiple_without_requeue_drops_all_up_to_the_tag(client, queue):
    ch = client.channel()
    fill(ch, queue, 4)
    for n in range(4):
        ch.get_soon(queue, no_ack=False)
    ch.nack(3, multiple=True, requeue=False)
    ch.close()
    assert numbers(client.channel().drain(queue)) == [3]


def test_nack_of_tag_zero_multiple_requeues_everything(ch, queue):
    fill(ch, queue, 3)
    for n in range(3):
        ch.get_soon(queue, no_ack=False)
    ch.nack(0, multiple=True, requeue=True)
    ch.wait_count(queue, 3)
    again = ch.drain(queue)
    assert numbers(again) == [0, 1, 2]
    assert all(m.redelivered for m in again)


def test_requeued_message_goes_back_to_its_old_place(ch, queue):
    fill(ch, queue, 5)
    held = [ch.get_soon(queue, no_ack=False) for _ in range(3)]
    ch.nack(held[1].delivery_tag)
    ch.wait_count(queue, 3)
    assert [(int(m.body), m.redelivered) for m in ch.drain(queue)] == [
        (1, True), (3, False), (4, False)]


def test_messages_requeued_in_reverse_are_read_in_order(ch, queue):
    fill(ch, queue, 4)
    held = [ch.get_soon(queue, no_ack=False) for _ in range(4)]
    for message in reversed(held):
        ch.nack(message.delivery_tag)
    ch.wait_count(queue, 4)
    assert numbers(ch.drain(queue)) == [0, 1, 2, 3]


def test_order_is_kept_when_a_consumer_channel_dies(client, queue):
    ch = client.channel()
    ch.qos(3)
    ch.consume(queue)
    fill(ch, queue, 6)
    ch.deliveries(3)
    ch.close()
    reader = client.channel()
    reader.wait_count(queue, 6)
    got = reader.drain(queue)
    assert [(int(m.body), m.redelivered) for m in got] == [
        (0, True), (1, True), (2, True), (3, False), (4, False), (5, False)]


# ---- recover

def test_recover_requeues_all_unacknowledged_messages(ch, queue):
    fill(ch, queue, 3)
    for n in range(3):
        ch.get_soon(queue, no_ack=False)
    ch.call("basic.recover", requeue=True)
    ch.wait_count(queue, 3)
    again = ch.drain(queue)
    assert numbers(again) == [0, 1, 2]
    assert all(m.redelivered for m in again)


def test_recover_async_requeues_without_an_answer(ch, queue):
    ch.publish(b"m", queue)
    ch.get_soon(queue, no_ack=False)
    ch.send("basic.recover-async", requeue=True)
    assert ch.get_soon(queue).redelivered is True
    ch.idle()


def test_recover_without_requeue_is_540(ch):
    with pytest.raises(ConnectionClosed) as error:
        ch.call("basic.recover", requeue=False)
    assert error.value.code == 540
