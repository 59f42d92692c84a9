"""Policies and operator policies: what they say, what they apply to, and what happens to queues
that are there when one comes, changes or goes."""

import os
import re
import subprocess
import time
import uuid

import pytest

import management
from wire import ChannelClosed

pytestmark = pytest.mark.extensions

# RabbitMQ tells its queues of a policy after it has answered.
SETTLED = 0.3


class Policies:
    """Policies for the queues of one test."""

    def __init__(self, manage):
        self.manage = manage
        self.name = "conf." + uuid.uuid4().hex[:8]

    def set(self, queue, definition, suffix="", operator=False, **more):
        self.manage.policy(self.name + suffix, "^%s$" % re.escape(queue), definition,
                           operator, **more)
        time.sleep(SETTLED)

    def clear(self, suffix="", operator=False):
        self.manage.clear(self.name + suffix, operator)
        time.sleep(SETTLED)


@pytest.fixture
def policies(manage):
    return Policies(manage)


def fill(ch, name, count, **properties):
    for n in range(count):
        ch.publish(b"%d" % n, name, **properties)
    ch.sync()


def bodies(ch, name):
    return [m.body for m in ch.drain(name)]


def numbers(*values):
    return [b"%d" % value for value in values]


# ---- the resource

def test_policy_is_created_replaced_shown_and_deleted(manage, policies):
    body = {"pattern": "^none\\.", "definition": {"max-length": 3}}
    path = manage.path(policies.name)
    assert manage.put(policies.name, body) == (201, None)
    assert manage.put(policies.name, body) == (204, None)
    shown = {**body, "vhost": "/", "name": policies.name, "apply-to": "all", "priority": 0}
    assert manage.request("GET", path) == (200, shown)
    assert shown in manage.request("GET", "/api/policies")[1]
    assert shown in manage.request("GET", "/api/policies/%2F")[1]
    assert manage.request("DELETE", path) == (204, None)
    assert manage.request("DELETE", path)[0] == 404
    assert manage.request("GET", path)[0] == 404


def test_operator_policy_is_another_kind_of_the_same_name(manage, policies):
    body = {"pattern": "^none\\.", "definition": {"max-length": 3}}
    assert manage.put(policies.name, body, operator=True) == (201, None)
    assert manage.request("GET", manage.path(policies.name))[0] == 404
    assert manage.request("GET", manage.path(policies.name, True))[1]["name"] == policies.name


GOOD = {"pattern": "^none", "definition": {"max-length": 1}}


@pytest.mark.parametrize("body", [
    b"", b"x", b"[]", {"pattern": "a"}, {"definition": {"max-length": 1}},
    {**GOOD, "pattern": 1}, {**GOOD, "pattern": "a("}, {**GOOD, "definition": {}},
    {**GOOD, "priority": "x"}, {**GOOD, "priority": None}, {**GOOD, "apply-to": "x"}], ids=str)
def test_senseless_policy_is_400(manage, policies, body):
    status, answer = manage.put(policies.name, body)
    assert (status, answer["error"]) == (400, "bad_request")
    assert manage.request("GET", manage.path(policies.name))[0] == 404


@pytest.mark.parametrize("key,value", [
    ("foo", 1), ("max-priority", 5), ("single-active-consumer", True), ("queue-type", "quorum"),
    ("max-length", "1"), ("max-length", -1), ("max-length", 1.5), ("max-length", True),
    ("max-length", None), ("max-length-bytes", -1), ("message-ttl", -1), ("expires", 0),
    ("delivery-limit", "x"), ("overflow", "x"), ("queue-mode", "x"), ("queue-version", 3),
    ("dead-letter-exchange", 5), ("dead-letter-routing-key", 5), ("dead-letter-strategy", "x"),
    ("alternate-exchange", 1), ("max-age", "1"), ("max-age", "1x"),
    ("stream-max-segment-size-bytes", -1), ("queue-leader-locator", "x"),
    ("initial-cluster-size", -1)], ids=lambda v: str(v))
def test_unknown_settings_and_wrong_values_are_400(manage, policies, key, value):
    status, answer = manage.put(policies.name, {**GOOD, "definition": {key: value}})
    assert (status, answer["error"]) == (400, "bad_request")
    assert "Validation failed" in answer["reason"]


@pytest.mark.parametrize("definition", [
    {"ha-mode": "exactly", "ha-params": 0}, {"ha-mode": "nodes"},
    {"ha-mode": "nodes", "ha-params": []}, {"ha-mode": "nodes", "ha-params": ["a", 1]},
    {"ha-mode": "all", "ha-params": 1}, {"ha-sync-batch-size": 1}], ids=str)
def test_settings_of_mirrored_queues_that_do_not_go_together_are_400(manage, policies, definition):
    status, answer = manage.put(policies.name, {**GOOD, "definition": definition})
    assert (status, answer["error"]) == (400, "bad_request")


@pytest.mark.parametrize("key,value", [
    ("alternate-exchange", "n" * 300), ("dead-letter-exchange", "n" * 300),
    ("alternate-exchange", "x"), ("dead-letter-exchange", ""), ("dead-letter-routing-key", "k"),
    ("dead-letter-strategy", "at-least-once"), ("message-ttl", 0), ("expires", 1),
    ("max-length", 0), ("max-length-bytes", 0), ("max-in-memory-length", 0),
    ("max-in-memory-bytes", 0), ("overflow", "reject-publish-dlx"), ("delivery-limit", 0),
    ("queue-mode", "lazy"), ("queue-version", 2), ("max-age", "1h"),
    ("stream-max-segment-size-bytes", 1000), ("queue-leader-locator", "balanced"),
    ("initial-cluster-size", 1)], ids=lambda v: str(v))
def test_settings_are_accepted(manage, policies, key, value):
    assert manage.put(policies.name, {**GOOD, "definition": {key: value}}) == (201, None)


@pytest.mark.parametrize("key,status", [
    ("message-ttl", 201), ("expires", 201), ("max-length", 201), ("max-length-bytes", 201),
    ("max-in-memory-length", 201), ("max-in-memory-bytes", 201), ("delivery-limit", 201),
    ("dead-letter-exchange", 400), ("alternate-exchange", 400), ("queue-mode", 400),
    ("max-age", 400)])
def test_operator_policy_sets_limits_only(manage, policies, key, status):
    value = 1 if status == 201 else "1h"
    body = {**GOOD, "definition": {key: value}}
    assert manage.put(policies.name, body, operator=True)[0] == status


# ---- what it applies to

def test_queue_declared_under_a_policy_follows_it(ch, q, policies):
    name = q()
    policies.set(name, {"max-length": 3})
    ch.declare(name)
    fill(ch, name, 5)
    assert bodies(ch, name) == numbers(2, 3, 4)


def test_queue_that_was_there_follows_and_is_let_go(ch, q, policies):
    name = q()
    ch.declare(name)
    policies.set(name, {"max-length": 3})
    fill(ch, name, 5)
    assert bodies(ch, name) == numbers(2, 3, 4)
    policies.clear()
    fill(ch, name, 5)
    assert len(bodies(ch, name)) == 5


def test_pattern_is_searched_for(ch, q, manage, policies):
    name = q()
    ch.declare(name)
    manage.policy(policies.name, name[3:-2], {"max-length": 1})
    time.sleep(SETTLED)
    fill(ch, name, 3)
    assert bodies(ch, name) == numbers(2)


def test_policy_for_exchanges_leaves_queues_alone(ch, q, policies):
    name = q()
    ch.declare(name)
    policies.set(name, {"max-length": 1}, apply_to="exchanges")
    fill(ch, name, 3)
    assert len(bodies(ch, name)) == 3


def test_highest_priority_counts_and_the_next_one_takes_over(ch, q, policies):
    name = q()
    ch.declare(name)
    policies.set(name, {"max-length": 4}, ".a", priority=1)
    policies.set(name, {"max-length": 2}, ".b", priority=3)
    policies.set(name, {"max-length": 3}, ".c", priority=2)
    fill(ch, name, 5)
    assert bodies(ch, name) == numbers(3, 4)
    policies.clear(".b")
    fill(ch, name, 5)
    assert bodies(ch, name) == numbers(2, 3, 4)


def test_policy_with_settings_of_another_queue_type_does_not_apply(ch, q, policies):
    name = q()
    ch.declare(name)
    policies.set(name, {"max-length": 1, "delivery-limit": 3}, ".other", priority=9)
    policies.set(name, {"max-length": 2}, ".plain")
    fill(ch, name, 5)
    assert bodies(ch, name) == numbers(3, 4)


def test_exclusive_queue_has_policies_too(ch, q, policies):
    name = q()
    ch.declare(name, exclusive=True)
    policies.set(name, {"max-length": 1})
    fill(ch, name, 3)
    assert bodies(ch, name) == numbers(2)


def test_redeclaring_compares_arguments_alone(ch, q, policies):
    name = q()
    policies.set(name, {"max-length": 3})
    ch.declare(name)
    ch.declare(name)
    with pytest.raises(ChannelClosed) as error:
        ch.declare(name, arguments={"x-max-length": 3})
    assert error.value.code == 406


# ---- against arguments and operator policies

@pytest.mark.parametrize("argument,policy,operator,left", [
    (5, 2, None, 2), (2, 5, None, 2), (None, 5, 2, 2), (None, 2, 5, 2), (4, 5, 2, 2),
    (2, 5, 4, 2), (None, None, 2, 2)])
def test_lowest_limit_counts(ch, q, policies, argument, policy, operator, left):
    name = q()
    ch.declare(name, arguments={} if argument is None else {"x-max-length": argument})
    if policy is not None:
        policies.set(name, {"max-length": policy})
    if operator is not None:
        policies.set(name, {"max-length": operator}, ".op", operator=True)
    fill(ch, name, 8)
    assert len(bodies(ch, name)) == left


def test_operator_policy_that_goes_lifts_its_bound(ch, q, policies):
    name = q()
    ch.declare(name)
    policies.set(name, {"max-length": 4})
    policies.set(name, {"max-length": 1}, ".op", operator=True)
    fill(ch, name, 5)
    assert len(bodies(ch, name)) == 1
    policies.clear(".op", operator=True)
    fill(ch, name, 5)
    assert len(bodies(ch, name)) == 4


def test_argument_goes_before_the_policy_where_it_is_no_limit(ch, q, policies):
    name, own, other = q(), q("own"), q("other")
    ch.declare(own)
    ch.declare(other)
    ch.declare(name, arguments={"x-max-length": 1, "x-dead-letter-exchange": "",
                                "x-dead-letter-routing-key": own})
    policies.set(name, {"dead-letter-exchange": "", "dead-letter-routing-key": other})
    fill(ch, name, 3)
    assert len(bodies(ch, own)) == 2
    assert bodies(ch, other) == []


def test_overflow_argument_goes_before_the_policy(ch, q, policies):
    name = q()
    ch.declare(name, arguments={"x-max-length": 2, "x-overflow": "reject-publish"})
    policies.set(name, {"overflow": "drop-head"})
    fill(ch, name, 4)
    assert bodies(ch, name) == numbers(0, 1)


# ---- changes

def test_shorter_length_drops_the_head_at_once(ch, q, policies):
    name, dead = q(), q("dead")
    ch.declare(name)
    ch.declare(dead)
    fill(ch, name, 5)
    policies.set(name, {"max-length": 2, "dead-letter-exchange": "",
                        "dead-letter-routing-key": dead})
    ch.wait_count(dead, 3)
    letters = ch.drain(dead)
    assert [m.body for m in letters] == numbers(0, 1, 2)
    assert letters[0].headers["x-death"][0]["reason"] == "maxlen"
    assert bodies(ch, name) == numbers(3, 4)


def test_fewer_octets_drop_the_head_at_once(ch, q, policies):
    name = q()
    ch.declare(name)
    fill(ch, name, 5)
    policies.set(name, {"max-length-bytes": 2})
    assert bodies(ch, name) == numbers(3, 4)


def test_queue_that_refuses_drops_nothing(ch, q, policies):
    name = q()
    ch.declare(name, arguments={"x-overflow": "reject-publish"})
    fill(ch, name, 5)
    policies.set(name, {"max-length": 2})
    assert ch.count(name) == 5
    fill(ch, name, 2)
    assert bodies(ch, name) == numbers(0, 1, 2, 3, 4)


def test_length_that_comes_with_refusing_still_drops_first(ch, q, policies):
    name = q()
    ch.declare(name)
    fill(ch, name, 5)
    policies.set(name, {"max-length": 2, "overflow": "reject-publish"})
    assert ch.count(name) == 2
    fill(ch, name, 2)
    assert bodies(ch, name) == numbers(3, 4)


def test_ttl_counts_for_what_comes_from_then_on(ch, q, policies):
    name = q()
    ch.declare(name)
    ch.publish(b"before", name)
    ch.sync()
    policies.set(name, {"message-ttl": 100})
    time.sleep(0.3)
    assert bodies(ch, name) == [b"before"]
    ch.publish(b"under it", name)
    time.sleep(0.3)
    assert bodies(ch, name) == []


def test_message_keeps_the_end_it_came_with(ch, q, policies):
    name = q()
    ch.declare(name)
    policies.set(name, {"message-ttl": 700})
    ch.publish(b"m", name)
    ch.sync()
    policies.set(name, {"message-ttl": 60000})
    time.sleep(0.8)
    assert bodies(ch, name) == []
    ch.publish(b"m", name)
    ch.sync()
    policies.set(name, {"message-ttl": 100})
    time.sleep(0.3)
    assert bodies(ch, name) == [b"m"]


def test_expiry_begins_when_the_policy_comes(ch, q, policies, until):
    name = q()
    ch.declare(name)
    time.sleep(0.5)
    policies.set(name, {"expires": 900})

    def is_gone():
        try:
            ch.client.channel().call("queue.bind", queue=name, exchange="amq.direct")
            return False
        except ChannelClosed as error:
            return error.code == 404

    assert not is_gone()
    until(is_gone)


def test_delivery_limit_counts_for_messages_that_are_out(ch, q, policies):
    name = q()
    ch.declare(name, durable=True, arguments={"x-queue-type": "quorum"})
    ch.publish(b"poison", name)
    ch.consume(name)
    tag = ch.delivery().delivery_tag
    policies.set(name, {"delivery-limit": 0})
    ch.reject(tag)
    ch.idle(0.3)
    ch.wait_count(name, 0)


def test_alternate_exchange_counts_at_once(ch, q, x, policies):
    name, exchange = q(), x()
    ch.declare(name)
    ch.exchange(exchange)
    ch.bind(name, "amq.fanout")
    ch.publish(b"lost", "k", exchange)
    ch.sync()
    policies.set(exchange, {"alternate-exchange": "amq.fanout"})
    ch.publish(b"found", "k", exchange)
    ch.sync()
    policies.clear()
    ch.publish(b"lost", "k", exchange)
    ch.sync()
    assert bodies(ch, name) == [b"found"]


# ---- shown

def test_policies_are_shown_with_their_queue(ch, q, manage, policies, until):
    name = q()
    ch.declare(name, durable=True)
    policies.set(name, {"max-length": 8, "overflow": "reject-publish"})
    policies.set(name, {"max-length": 9, "expires": 60000}, ".op", operator=True)

    def shown():
        queue = manage.request("GET", "/api/queues/%2F/" + name)[1]
        return queue.get("policy") and queue

    # RabbitMQ knows nothing of a queue before its first statistics.
    queue = until(shown, timeout=15)
    assert queue["policy"] == policies.name
    assert queue["operator_policy"] == policies.name + ".op"
    assert queue["effective_policy_definition"] == {
        "max-length": 8, "overflow": "reject-publish", "expires": 60000}
    assert queue["arguments"] == {}


def test_policy_is_shown_with_its_exchange(ch, x, manage, policies):
    name = x()
    ch.exchange(name)
    policies.set(name, {"alternate-exchange": "amq.fanout"})
    assert manage.request("GET", "/api/exchanges/%2F/" + name)[1]["policy"] == policies.name


# ---- what lasts

@pytest.mark.durable
@pytest.mark.slow
@pytest.mark.parametrize("how", ["RESTART", "KILL"])
def test_policies_survive_a_restart(connect, q, policies, how):
    command = os.environ.get("BROKER_%s_CMD" % how)
    if not command or os.environ.get("MANAGEMENT_URL"):
        pytest.skip("BROKER_%s_CMD is not set" % how)
    name, gone = q(), q("gone")
    ch = connect().channel()
    ch.declare(name, durable=True)
    ch.declare(gone, durable=True)
    policies.set(name, {"max-length": 4})
    policies.set(name, {"max-length": 2}, ".op", operator=True)
    policies.set(gone, {"max-length": 1}, ".gone")
    policies.clear(".gone")
    subprocess.run(command, shell=True, check=True, timeout=50)
    client = connect()
    policies.manage.transport = management.OverMessages(client)
    ch = client.channel()
    fill(ch, name, 5)
    fill(ch, gone, 5)
    assert bodies(ch, name) == numbers(3, 4)
    assert len(bodies(ch, gone)) == 5
