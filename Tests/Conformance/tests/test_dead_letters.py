"""Dead letters: which messages become one, where they go, and what they say of it."""

import time

import pytest

from dead_letters import dead, deaths, dlx

pytestmark = pytest.mark.extensions


# ---- dead-lettering

def test_rejected_message_is_dead_lettered(ch, q, dead):
    name = q()
    ch.declare(name, arguments=dlx(**{"x-dead-letter-routing-key": dead}))
    ch.publish(b"m", name, content_type="text/plain", headers={"mine": 1})
    ch.reject(ch.get_soon(name, no_ack=False).delivery_tag, requeue=False)
    got = ch.get_soon(dead)
    assert (got.body, got.exchange, got.routing_key) == (b"m", "", dead)
    assert got.props["content_type"] == "text/plain"
    assert got.headers["mine"] == 1
    assert got.redelivered is False


def test_x_death_of_a_rejected_message(ch, q, x, dead):
    name, source = q(), x()
    ch.exchange(source)
    ch.declare(name, arguments=dlx(**{"x-dead-letter-routing-key": dead}))
    ch.bind(name, source, "orig")
    before = int(time.time()) - 2
    ch.publish(b"m", "orig", source)
    ch.nack(ch.get_soon(name, no_ack=False).delivery_tag, requeue=False)
    got = ch.get_soon(dead)
    [death] = deaths(got)
    assert before <= death.pop("time") <= time.time() + 2
    assert death == {"count": 1, "reason": "rejected", "queue": name, "exchange": source,
                     "routing-keys": ["orig"]}


def test_x_death_field_types(ch, q, dead):
    name = q()
    ch.declare(name, arguments=dlx(**{"x-dead-letter-routing-key": dead}))
    ch.publish(b"m", name)
    ch.nack(ch.get_soon(name, no_ack=False).delivery_tag, requeue=False)
    headers = ch.get_soon(dead).typed_properties["headers"]
    assert headers["x-death"].tag == "A"
    [death] = headers["x-death"].value
    assert death.tag == "F"
    assert {k: v.tag for k, v in death.value.items()} == {
        "count": "l", "reason": "S", "queue": "S", "exchange": "S", "time": "T",
        "routing-keys": "A"}


def test_first_death_headers(ch, q, x, dead):
    name, source = q(), x()
    ch.exchange(source)
    ch.declare(name, arguments=dlx(**{"x-dead-letter-routing-key": dead}))
    ch.bind(name, source, "k")
    ch.publish(b"m", "k", source)
    ch.nack(ch.get_soon(name, no_ack=False).delivery_tag, requeue=False)
    headers = ch.get_soon(dead).headers
    assert headers["x-first-death-queue"] == name
    assert headers["x-first-death-exchange"] == source
    assert headers["x-first-death-reason"] == "rejected"


def test_expired_message_is_dead_lettered_with_reason_expired(ch, q, dead):
    name = q()
    ch.declare(name, arguments=dlx(**{"x-message-ttl": 20, "x-dead-letter-routing-key": dead}))
    ch.publish(b"m", name)
    [death] = deaths(ch.get_soon(dead))
    assert (death["reason"], death["count"], death["queue"]) == ("expired", 1, name)


def test_dead_lettering_moves_expiration_into_x_death(ch, q, dead):
    name = q()
    ch.declare(name, arguments=dlx(**{"x-dead-letter-routing-key": dead}))
    ch.publish(b"m", name, expiration="20")
    got = ch.get_soon(dead)
    assert "expiration" not in got.props
    assert deaths(got)[0]["original-expiration"] == "20"


def test_overflowing_message_is_dead_lettered_with_reason_maxlen(ch, q, dead):
    name = q()
    ch.declare(name, arguments=dlx(**{"x-max-length": 1, "x-dead-letter-routing-key": dead}))
    ch.publish(b"old", name)
    ch.publish(b"new", name)
    got = ch.get_soon(dead)
    assert (got.body, deaths(got)[0]["reason"]) == (b"old", "maxlen")
    assert ch.get_soon(name).body == b"new"


def test_dead_letter_keeps_its_routing_key_without_an_own_one(ch, q, x):
    exchange, name, target = x("dlx"), q(), q("target")
    ch.exchange(exchange, "topic")
    ch.declare(target)
    ch.bind(target, exchange, "#")
    ch.declare(name, arguments={"x-dead-letter-exchange": exchange})
    ch.publish(b"m", name)
    ch.nack(ch.get_soon(name, no_ack=False).delivery_tag, requeue=False)
    got = ch.get_soon(target)
    assert (got.exchange, got.routing_key) == (exchange, name)


@pytest.mark.parametrize("exchange", ["no.such.exchange", "n" * 300], ids=["unknown", "too long"])
def test_missing_dead_letter_exchange_drops_the_message(ch, q, exchange):
    name = q()
    ch.declare(name, arguments={"x-dead-letter-exchange": exchange})
    ch.publish(b"m", name)
    ch.nack(ch.get_soon(name, no_ack=False).delivery_tag, requeue=False)
    ch.sync()
    assert ch.get(name) is None


def test_purged_and_deleted_messages_are_not_dead_lettered(ch, q, dead):
    name = q()
    ch.declare(name, arguments=dlx(**{"x-dead-letter-routing-key": dead}))
    ch.publish(b"m", name)
    ch.call("queue.purge", queue=name)
    ch.publish(b"m", name)
    ch.call("queue.delete", queue=name)
    ch.idle()
    assert ch.get(dead) is None


def test_acknowledged_message_is_not_dead_lettered(ch, q, dead):
    name = q()
    ch.declare(name, arguments=dlx(**{"x-dead-letter-routing-key": dead}))
    ch.publish(b"m", name)
    ch.ack(ch.get_soon(name, no_ack=False).delivery_tag)
    ch.idle()
    assert ch.get(dead) is None


def test_second_death_elsewhere_is_put_in_front(ch, q):
    first, second, last = q("1"), q("2"), q("3")
    ch.declare(last)
    ch.declare(second, arguments=dlx(**{"x-dead-letter-routing-key": last}))
    ch.declare(first, arguments=dlx(**{"x-message-ttl": 10, "x-dead-letter-routing-key": second}))
    ch.publish(b"m", first)
    ch.nack(ch.get_soon(second, no_ack=False).delivery_tag, requeue=False)
    got = ch.get_soon(last)
    assert [(d["queue"], d["reason"], d["count"]) for d in deaths(got)] == [
        (second, "rejected", 1), (first, "expired", 1)]
    assert got.headers["x-first-death-queue"] == first


def test_dying_again_in_the_same_queue_raises_the_count(ch, q):
    name = q()
    ch.declare(name, arguments=dlx(**{"x-dead-letter-routing-key": name}))
    ch.publish(b"m", name)
    for n in range(3):
        ch.nack(ch.get_soon(name, no_ack=False).delivery_tag, requeue=False)
    got = ch.get_soon(name)
    [death] = deaths(got)
    assert (death["count"], death["reason"]) == (3, "rejected")


def test_retry_loop_through_a_ttl_queue_goes_on_because_of_the_reject(ch, q):
    work, wait = q("work"), q("wait")
    ch.declare(work, arguments=dlx(**{"x-dead-letter-routing-key": wait}))
    ch.declare(wait, arguments=dlx(**{"x-message-ttl": 10, "x-dead-letter-routing-key": work}))
    ch.publish(b"m", work)
    for n in range(3):
        ch.nack(ch.get_soon(work, no_ack=False).delivery_tag, requeue=False)
    got = ch.get_soon(work)
    counts = {(d["queue"], d["reason"]): d["count"] for d in deaths(got)}
    assert counts == {(work, "rejected"): 3, (wait, "expired"): 3}
    assert deaths(got)[0]["queue"] == wait


def test_cycle_without_any_reject_is_dropped(ch, q):
    a, b = q("a"), q("b")
    ch.declare(a, arguments=dlx(**{"x-message-ttl": 20, "x-dead-letter-routing-key": b}))
    ch.declare(b, arguments=dlx(**{"x-message-ttl": 20, "x-dead-letter-routing-key": a}))
    ch.publish(b"m", a)
    time.sleep(0.5)
    assert ch.get(a) is None and ch.get(b) is None


def test_dead_letter_reaches_every_queue_bound_to_the_exchange(ch, q, x):
    exchange, name = x(), q()
    ch.exchange(exchange, "fanout")
    targets = [q(str(n)) for n in range(3)]
    for target in targets:
        ch.declare(target)
        ch.bind(target, exchange)
    ch.declare(name, arguments={"x-dead-letter-exchange": exchange})
    ch.publish(b"m", name)
    ch.nack(ch.get_soon(name, no_ack=False).delivery_tag, requeue=False)
    assert [ch.get_soon(target).body for target in targets] == [b"m"] * 3


def test_keys_in_cc_and_bcc_count_again_for_a_dead_letter(ch, q, x):
    exchange, name = x(), q()
    ch.exchange(exchange)
    ch.declare(name, arguments={"x-dead-letter-exchange": exchange})
    targets = {key: q(key) for key in ("own", "cc", "bcc")}
    for key, target in targets.items():
        ch.declare(target)
        ch.bind(target, exchange, name if key == "own" else key)
    ch.publish(b"m", name, headers={"CC": ["cc"], "BCC": ["bcc"]})
    ch.nack(ch.get_soon(name, no_ack=False).delivery_tag, requeue=False)
    for target in targets.values():
        got = ch.get_soon(target)
        assert [death["routing-keys"] for death in deaths(got)] == [[name, "cc"]]
        assert got.headers["CC"] == ["cc"] and "BCC" not in got.headers


def test_an_own_key_replaces_cc_and_bcc_of_a_dead_letter(ch, q, x):
    exchange, name, target, other = x(), q(), q("dead"), q("other")
    ch.exchange(exchange)
    ch.declare(name, arguments={"x-dead-letter-exchange": exchange,
                                "x-dead-letter-routing-key": "own"})
    for queue, keys in ((target, ["own"]), (other, ["cc", "bcc"])):
        ch.declare(queue)
        for key in keys:
            ch.bind(queue, exchange, key)
    ch.publish(b"m", name, headers={"CC": ["cc"], "BCC": ["bcc"]})
    ch.nack(ch.get_soon(name, no_ack=False).delivery_tag, requeue=False)
    assert "CC" not in ch.get_soon(target).headers
    assert ch.count(other) == 0


def test_dead_letters_keep_their_order(ch, q, dead):
    name = q()
    ch.declare(name, arguments=dlx(**{"x-message-ttl": 100, "x-dead-letter-routing-key": dead}))
    for n in range(20):
        ch.publish(b"%d" % n, name)
    ch.wait_count(dead, 20)
    assert [int(m.body) for m in ch.drain(dead)] == list(range(20))
