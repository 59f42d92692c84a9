import contextlib
import logging
import os
import re
import time
import urllib.parse
import uuid

import pika
import pytest

import management
import wire

# pika logs every refused connection as an error; here that is often the point
logging.getLogger("pika").setLevel(logging.CRITICAL)

DEFAULT_URL = "amqp://guest:guest@127.0.0.1:5672/%2F"


# ---- tests of features that the broker under test does not have yet

def pytest_addoption(parser):
    group = parser.getgroup("deferred tests")
    group.addoption("--deferred", metavar="FILE",
                    help="leave out the tests listed in FILE: the beginning of a test id, "
                         "then the feature it waits for")
    group.addoption("--deferred-only", action="store_true",
                    help="run only those")


def read_deferred(path):
    """The entries of a list of deferred tests: {beginning of a test id: feature}."""
    with open(path) as file:
        lines = [line.split(None, 1) for line in file]
    entries = {line[0]: line[1:] for line in lines if line and not line[0].startswith("#")}
    without = [entry for entry, feature in entries.items() if not feature]
    if without:
        raise pytest.UsageError("%s: no feature given for %s" % (path, ", ".join(without)))
    return entries


def pytest_collection_modifyitems(config, items):
    path = config.getoption("--deferred")
    if not path:
        return
    entries = read_deferred(path)
    kept, deferred, matched = [], [], set()
    for item in items:
        reasons = [entry for entry in entries if item.nodeid.startswith(entry)]
        matched.update(reasons)
        (deferred if reasons else kept).append(item)
    # A selection on the command line collects less; only a whole run can tell a stale entry.
    whole = config.args_source == pytest.Config.ArgsSource.TESTPATHS
    stale = [entry for entry in entries if entry not in matched]
    if whole and stale:
        raise pytest.UsageError("%s: no test begins with %s" % (path, ", ".join(stale)))
    if config.getoption("--deferred-only"):
        kept, deferred = deferred, kept
    config.hook.pytest_deselected(items=deferred)
    items[:] = kept


class Target:
    """Where the broker under test is."""

    def __init__(self, url):
        parts = urllib.parse.urlparse(url)
        self.host = parts.hostname or "127.0.0.1"
        self.port = parts.port or 5672
        self.user = urllib.parse.unquote(parts.username or "guest")
        self.password = urllib.parse.unquote(parts.password or "guest")
        path = parts.path[1:] if parts.path.startswith("/") else ""
        self.vhost = urllib.parse.unquote(path) if path else "/"


@pytest.fixture(scope="session")
def target():
    return Target(os.environ.get("AMQP_URL", DEFAULT_URL))


@pytest.fixture(scope="session")
def until():
    """until(fn): call fn until it returns something true; return that."""

    def wait(fn, timeout=wire.DEADLINE, interval=0.02):
        limit = time.monotonic() + timeout
        while True:
            result = fn()
            if result:
                return result
            if time.monotonic() > limit:
                raise AssertionError("condition not reached in %ss" % timeout)
            time.sleep(interval)

    return wait


class Names:
    """Unique names for one test; whatever carries one is deleted afterwards."""

    def __init__(self, prefix):
        self.prefix = prefix
        self.queues = []
        self.exchanges = []

    def _new(self, kind, hint):
        return "%s.%s%s.%s" % (self.prefix, kind, hint, uuid.uuid4().hex[:8])

    def q(self, hint=""):
        name = self._new("q", hint)
        self.queues.append(name)
        return name

    def x(self, hint=""):
        name = self._new("x", hint)
        self.exchanges.append(name)
        return name

    def clean(self, target):
        if not self.queues and not self.exchanges:
            return
        with contextlib.suppress(Exception):
            client = wire.Client(target.host, target.port, timeout=5)
            client.open(target.user, target.password, target.vhost)
            for method, field, names in (("queue.delete", "queue", self.queues),
                                         ("exchange.delete", "exchange", self.exchanges)):
                channel = client.channel()
                for name in names:
                    try:
                        channel.call(method, **{field: name})
                    except wire.ChannelClosed:
                        channel = client.channel()
            client.close()


@pytest.fixture
def names_of_test(request, target):
    """Outermost fixture: its teardown runs after every connection is closed."""
    short = re.sub(r"\W+", "_", request.node.name)[:60]
    names = Names("conf." + short)
    yield names
    names.clean(target)


@pytest.fixture
def q(names_of_test):
    """q() gives a fresh queue name."""
    return names_of_test.q


@pytest.fixture
def x(names_of_test):
    """x() gives a fresh exchange name."""
    return names_of_test.x


@pytest.fixture
def tcp(target, names_of_test):
    """tcp() gives a connected frame-level client that has sent nothing yet."""
    made = []

    def make(timeout=wire.DEADLINE):
        client = wire.Client(target.host, target.port, timeout)
        made.append(client)
        return client

    yield make
    for client in made:
        client.drop()


@pytest.fixture
def connect(target, tcp):
    """connect(**options) gives a frame-level client after a full handshake."""

    def make(user=None, password=None, vhost=None, **options):
        client = tcp()
        client.open(user or target.user, password or target.password,
                    vhost or target.vhost, **options)
        return client

    return make


@pytest.fixture
def client(connect):
    return connect()


@pytest.fixture
def ch(client):
    """An open frame-level channel."""
    return client.channel()


@pytest.fixture
def manage(target, connect, names_of_test):
    """Inspection of the broker: over HTTP where MANAGEMENT_URL says, else with messages."""
    url = os.environ.get("MANAGEMENT_URL")
    if url:
        transport = management.OverHTTP(url, target)
    else:
        client = connect()
        try:
            client.channel().call("exchange.declare", exchange="brokerd.management", passive=True)
        except wire.ChannelClosed:
            pytest.skip("MANAGEMENT_URL is not set")
        transport = management.OverMessages(client)
    manager = management.Management(transport, target.vhost)
    yield manager
    manager.clean()


@pytest.fixture
def pika_params(target):
    def make(user=None, password=None, vhost=None, **kw):
        kw.setdefault("heartbeat", 0)
        kw.setdefault("socket_timeout", 10)
        kw.setdefault("blocked_connection_timeout", 20)
        return pika.ConnectionParameters(
            host=target.host, port=target.port,
            virtual_host=vhost or target.vhost,
            credentials=pika.PlainCredentials(user or target.user,
                                              password or target.password), **kw)
    return make


@pytest.fixture
def pika_connect(pika_params, names_of_test):
    """pika_connect(**options) gives a pika BlockingConnection."""
    made = []

    def make(**kw):
        connection = pika.BlockingConnection(pika_params(**kw))
        made.append(connection)
        return connection

    yield make
    for connection in made:
        with contextlib.suppress(Exception):
            if connection.is_open:
                connection.close()


@pytest.fixture
def pch(pika_connect):
    """A pika BlockingChannel on its own connection."""
    return pika_connect().channel()
