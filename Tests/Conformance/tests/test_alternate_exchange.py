"""Alternate exchanges: where messages go that an exchange routes nowhere."""

import pytest

from closing import close_code

pytestmark = [pytest.mark.core, pytest.mark.extensions]


def bodies(ch, queue):
    ch.sync()
    return [m.text for m in ch.drain(queue)]


def alternate(ch, x, target, **kw):
    name = x("main")
    ch.exchange(name, arguments={"alternate-exchange": target}, **kw)
    return name


def test_unroutable_message_goes_to_the_alternate_exchange(ch, q, x):
    ae, queue = x("ae"), q()
    ch.exchange(ae, "fanout")
    main = alternate(ch, x, ae)
    ch.declare(queue)
    ch.bind(queue, ae)
    ch.publish(b"m", "nobody", main)
    got = ch.get_soon(queue)
    assert (got.body, got.exchange, got.routing_key) == (b"m", main, "nobody")


def test_routable_message_does_not_go_to_the_alternate_exchange(ch, q, x):
    ae, queue, direct = x("ae"), q("ae"), q("direct")
    ch.exchange(ae, "fanout")
    main = alternate(ch, x, ae)
    ch.declare(queue)
    ch.declare(direct)
    ch.bind(queue, ae)
    ch.bind(direct, main, "k")
    ch.publish(b"m", "k", main)
    assert bodies(ch, direct) == ["m"]
    assert bodies(ch, queue) == []


def test_mandatory_is_satisfied_by_the_alternate_exchange(ch, q, x):
    ae, queue = x("ae"), q()
    ch.exchange(ae, "fanout")
    main = alternate(ch, x, ae)
    ch.declare(queue)
    ch.bind(queue, ae)
    ch.confirm()
    ch.publish(b"m", "nobody", main, mandatory=True)
    ch.expect("basic.ack")
    assert bodies(ch, queue) == ["m"]


def test_mandatory_returns_when_the_alternate_exchange_routes_nowhere(ch, x):
    ae = x("ae")
    ch.exchange(ae, "fanout")
    main = alternate(ch, x, ae)
    ch.publish(b"m", "nobody", main, mandatory=True)
    returned = ch.expect("basic.return")
    assert (returned.reply_code, returned.exchange) == (312, main)


@pytest.mark.parametrize("name", ["no.such.exchange", "n" * 300], ids=["unknown", "too long"])
def test_missing_alternate_exchange_is_allowed_and_drops(ch, q, x, name):
    queue = q()
    main = alternate(ch, x, name)
    ch.declare(queue)
    ch.bind(queue, main, "k")
    ch.publish(b"lost", "nobody", main)
    ch.publish(b"kept", "k", main)
    assert bodies(ch, queue) == ["kept"]


def test_alternate_exchanges_chain(ch, q, x):
    last, queue = x("last"), q()
    ch.exchange(last, "fanout")
    middle = x("middle")
    ch.exchange(middle, "direct", arguments={"alternate-exchange": last})
    main = alternate(ch, x, middle)
    ch.declare(queue)
    ch.bind(queue, last)
    ch.publish(b"m", "nobody", main)
    assert bodies(ch, queue) == ["m"]


def test_alternate_exchanges_in_a_circle_end_unrouted(ch, x):
    a, b = x("a"), x("b")
    ch.exchange(a, arguments={"alternate-exchange": b})
    ch.exchange(b, arguments={"alternate-exchange": a})
    ch.publish(b"m", "nobody", a, mandatory=True)
    assert ch.expect("basic.return").reply_code == 312
    ch.idle()


def test_invalid_alternate_exchange_type_is_406(ch, x):
    assert close_code(ch.exchange, x(), arguments={"alternate-exchange": 5}) == 406
