"""Length limits of queues, and what happens beyond them."""

import pytest

from dead_letters import dead, deaths, dlx

pytestmark = pytest.mark.extensions


# ---- length limits

def test_max_length_drops_from_the_head(ch, q):
    name = q()
    ch.declare(name, arguments={"x-max-length": 3})
    for n in range(5):
        ch.publish(b"%d" % n, name)
    assert [m.body for m in ch.drain(name)] == [b"2", b"3", b"4"]


def test_max_length_does_not_count_unacknowledged_messages(ch, q):
    name = q()
    ch.declare(name, arguments={"x-max-length": 2})
    ch.publish(b"0", name)
    ch.publish(b"1", name)
    held = [ch.get_soon(name, no_ack=False) for _ in range(2)]
    ch.publish(b"2", name)
    ch.publish(b"3", name)
    assert [m.body for m in ch.drain(name)] == [b"2", b"3"]


def test_max_length_bytes_counts_bodies(ch, q):
    name = q()
    ch.declare(name, arguments={"x-max-length-bytes": 100})
    for n in range(4):
        ch.publish(b"%d" % n * 40, name)
    assert [m.body[:1] for m in ch.drain(name)] == [b"2", b"3"]


def test_max_length_bytes_leaves_out_headers_and_empty_bodies(ch, q):
    name = q()
    ch.declare(name, arguments={"x-max-length-bytes": 10})
    for n in range(20):
        ch.publish(b"", name, headers={"pad": "x" * 100, "n": n})
    assert len(ch.drain(name)) == 20


def test_both_length_limits_hold(ch, q):
    name = q()
    ch.declare(name, arguments={"x-max-length": 3, "x-max-length-bytes": 10})
    for body in (b"aaaaaa", b"b", b"c", b"dddddd"):
        ch.publish(body, name)
    assert [m.body for m in ch.drain(name)] == [b"b", b"c", b"dddddd"]


def test_max_length_zero_keeps_nothing(ch, q):
    name = q()
    ch.declare(name, arguments={"x-max-length": 0})
    ch.publish(b"m", name)
    assert ch.get(name) is None


def test_explicit_drop_head_is_the_default(ch, q):
    name = q()
    ch.declare(name, arguments={"x-max-length": 1, "x-overflow": "drop-head"})
    ch.publish(b"old", name)
    ch.publish(b"new", name)
    assert [m.body for m in ch.drain(name)] == [b"new"]


def test_reject_publish_keeps_the_oldest(ch, q):
    name = q()
    ch.declare(name, arguments={"x-max-length": 2, "x-overflow": "reject-publish"})
    for n in range(4):
        ch.publish(b"%d" % n, name)
    assert [m.body for m in ch.drain(name)] == [b"0", b"1"]


def test_reject_publish_accepts_again_once_there_is_room(ch, q):
    name = q()
    ch.declare(name, arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
    ch.confirm()
    answers = [ch.confirmed_publish(b"1", name).name, ch.confirmed_publish(b"2", name).name]
    ch.get_soon(name)
    answers.append(ch.confirmed_publish(b"3", name).name)
    assert answers == ["basic.ack", "basic.nack", "basic.ack"]


@pytest.mark.parametrize("limit", [{"x-max-length": 0}, {"x-max-length-bytes": 4}])
def test_reject_publish_comes_before_a_ready_consumer(ch, q, limit):
    name = q()
    ch.declare(name, arguments=dict(limit, **{"x-overflow": "reject-publish"}))
    ch.consume(name, no_ack=True)
    ch.confirm()
    assert ch.confirmed_publish(b"large", name).name == "basic.nack"


@pytest.mark.parametrize("overflow", ["reject-publish", "reject-publish-dlx"])
def test_reject_publish_refuses_what_has_no_time_to_wait(ch, q, overflow):
    name = q()
    ch.declare(name, arguments={"x-max-length": 1, "x-overflow": overflow})
    ch.confirm()
    ch.confirmed_publish(b"1", name)
    assert ch.confirmed_publish(b"2", name, expiration="0").name == "basic.nack"


def test_reject_publish_does_not_dead_letter(ch, q, dead):
    name = q()
    ch.declare(name, arguments=dlx(**{"x-max-length": 1, "x-overflow": "reject-publish",
                                      "x-dead-letter-routing-key": dead}))
    ch.confirm()
    ch.confirmed_publish(b"1", name)
    assert ch.confirmed_publish(b"2", name).name == "basic.nack"
    assert ch.get(dead) is None


def test_reject_publish_dlx_dead_letters_and_nacks(ch, q, dead):
    name = q()
    ch.declare(name, arguments=dlx(**{"x-max-length": 1, "x-overflow": "reject-publish-dlx",
                                      "x-dead-letter-routing-key": dead}))
    ch.confirm()
    ch.confirmed_publish(b"1", name)
    assert ch.confirmed_publish(b"2", name).name == "basic.nack"
    got = ch.get_soon(dead)
    assert (got.body, deaths(got)[0]["reason"]) == (b"2", "maxlen")
