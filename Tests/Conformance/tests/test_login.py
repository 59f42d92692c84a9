"""Logging in: what a client may say about itself, and how it may say it."""

import pytest

from wire import SocketClosed, Typed, encode_longstr, encode_shortstr, encode_table, method_frame

pytestmark = pytest.mark.core


def amqplain(fields):
    """A table without its length, as AMQPLAIN wants it."""
    return encode_table(fields)[4:]


def login(client, target, **start_ok):
    client.open(target.user, target.password, target.vhost, **start_ok)
    client.channel().sync()


def refused(client, *codes):
    """The connection ends: with one of the codes, or without a word."""
    try:
        event = client.next_event(0)
    except SocketClosed:
        return
    except Exception as closed:
        assert closed.code in codes, closed
        return
    raise AssertionError("logged in: %r" % event)


# ---- AMQPLAIN

def test_amqplain_fields_may_come_in_either_order(tcp, target):
    login(tcp(), target, mechanism="AMQPLAIN",
          response=amqplain({"PASSWORD": target.password, "LOGIN": target.user}))


def test_amqplain_ignores_fields_it_does_not_know(tcp, target):
    login(tcp(), target, mechanism="AMQPLAIN",
          response=amqplain({"EXTRA": 5, "LOGIN": target.user, "PASSWORD": target.password}))


@pytest.mark.parametrize("response", [
    b"", amqplain({"LOGIN": "guest"}), amqplain({"PASSWORD": "guest"}),
    amqplain({"login": "guest", "password": "guest"}),
    encode_shortstr("LOGIN") + b"S" + b"\x00\x00\xff\xffguest",
    encode_shortstr("LOGIN") + b"?" + encode_longstr("guest")],
    ids=["empty", "no-password", "no-login", "small-letters", "cut-short", "unknown-type"])
def test_amqplain_response_that_is_wrong_is_refused(tcp, target, response):
    client = tcp()
    client.greet()
    client.start_ok(target.user, target.password, mechanism="AMQPLAIN", response=response)
    refused(client, 403, 501, 503, 541)


# ---- PLAIN

@pytest.mark.parametrize("response", [
    "guest", "\0guest", "guest guest", "\0", "\0\0", "\0guest\0guest\0"],
    ids=["no-separators", "no-password", "blank", "one-null", "two-nulls", "null-at-the-end"])
def test_plain_response_that_is_wrong_is_refused(tcp, target, response):
    client = tcp()
    client.greet()
    client.start_ok(target.user, target.password, response=response)
    refused(client, 403, 501, 503, 541)


def test_mechanism_name_is_case_sensitive(tcp, target):
    client = tcp()
    client.greet()
    client.start_ok(target.user, target.password, mechanism="plain")
    refused(client, 403, 503, 504)


# ---- what the client says about itself

def test_client_properties_may_hold_any_field_type(tcp, target):
    login(tcp(), target, properties={
        "b": Typed("b", -1), "B": Typed("B", 255), "s": Typed("s", -2), "u": Typed("u", 65535),
        "I": Typed("I", -3), "i": Typed("i", 2 ** 32 - 1), "l": Typed("l", -2 ** 40),
        "f": Typed("f", 0.5), "d": Typed("d", 0.25), "D": Typed("D", (2, 314)),
        "S": "text", "x": Typed("x", b"\0\xff"), "t": True, "V": None,
        "T": Typed("T", 1700000000), "A": [1, "two", [3]], "F": {"inner": {"deep": []}}})


def test_client_without_capabilities_is_welcome(tcp, target):
    client = tcp()
    client.greet()
    client.send(method_frame(0, "connection.start-ok", client_properties={}, mechanism="PLAIN",
                             response="\0%s\0%s" % (target.user, target.password),
                             locale="en_US"))
    client.expect("connection.tune")


def test_locale_is_not_looked_at(tcp, target):
    client = tcp()
    client.greet()
    client.send(method_frame(0, "connection.start-ok", client_properties={}, mechanism="PLAIN",
                             response="\0%s\0%s" % (target.user, target.password),
                             locale="xx_YY"))
    client.expect("connection.tune")


def test_server_says_rabbitmq_of_a_version_with_prefetch_for_each_consumer(tcp):
    """Clients such as kombu read both, to learn what basic.qos means."""
    properties = tcp().greet().server_properties
    assert properties["product"].value == "RabbitMQ"
    version = tuple(int(part) for part in properties["version"].value.split(".")[:2])
    assert version >= (3, 3)


# ---- update-secret

@pytest.mark.extensions
def test_update_secret_is_answered_and_changes_nothing_else(client, q):
    ch, name = client.channel(), q()
    ch.declare(name)
    ch.consume(name, no_ack=True)
    client.send(method_frame(0, "connection.update-secret", new_secret="guest",
                             reason="renewed"))
    client.expect("connection.update-secret-ok")
    ch.publish(b"after", name)
    assert ch.delivery().body == b"after"


@pytest.mark.extensions
def test_update_secret_on_a_channel_is_503(client):
    client.channel(1)
    client.send(method_frame(1, "connection.update-secret", new_secret="guest", reason="r"))
    assert client.expect_connection_close().code == 503
