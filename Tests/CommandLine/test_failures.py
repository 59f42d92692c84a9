"""What can go wrong: one clear sentence on standard error, and the documented exit code."""

import json
import os
import signal
import socket
import subprocess
import threading
import uuid

import pytest

OK, FAILURE, NOT_MET, USAGE, NOT_FOUND, UNREACHABLE, DENIED, TIMEOUT = 0, 1, 2, 64, 65, 69, 77, 124


@pytest.fixture
def free_port():
    """A port nobody listens on, kept so by being bound."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@pytest.fixture
def impostor():
    """impostor(answer) is a server that sends these octets to whoever connects, then closes."""
    servers = []

    def make(answer):
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def serve():
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client:
                    client.recv(4096)
                    client.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        return "amqp://127.0.0.1:%d/" % server.getsockname()[1]

    yield make
    for server in servers:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


COMMANDS = [["ping"], ["status"], ["queue", "list"], ["get", "q"], ["subscribe", "q"],
            ["publish", "--key", "q", "text"], ["bench", "--count", "1"]]


# ---- the broker

@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_server_is_69(run, free_port, command):
    result = run(*command, "--url", "amqp://127.0.0.1:%d/" % free_port)
    assert result.status == UNREACHABLE
    assert "127.0.0.1:%d" % free_port in result.sentence()


def test_host_that_does_not_exist_is_69(run):
    result = run("ping", "--url", "amqp://no-such-host.invalid/")
    assert result.status == UNREACHABLE
    assert "no-such-host.invalid" in result.sentence()


@pytest.mark.parametrize("answer", [
    b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"AMQP\x00\x00\x09\x01", b"\x01\x00\x00\x00\x00",
    b"\x00" * 4096, b"\xff" * 4096], ids=["nothing", "http", "other-version", "cut", "nulls", "ff"])
def test_server_that_speaks_something_else_is_69(run, impostor, answer):
    result = run("ping", "--url", impostor(answer))
    assert result.status == UNREACHABLE, result.err
    assert result.sentence()


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_wrong_password_is_77(run, address, command):
    result = run(*command, "--url", "amqp://guest:wrong@%s/" % address)
    assert result.status == DENIED
    assert "guest" in result.sentence()


def test_unknown_virtual_host_is_77(run):
    result = run("ping", "--vhost", "no-such-host")
    assert result.status in (NOT_FOUND, DENIED)
    assert "no-such-host" in result.sentence()


# ---- things that are not there

@pytest.mark.parametrize("command", [
    ["get", "no.such.queue"], ["subscribe", "no.such.queue"], ["queue", "show", "no.such.queue"],
    ["queue", "purge", "no.such.queue"], ["queue", "declare", "no.such.queue", "--passive"]],
    ids=" ".join)
def test_missing_queue_is_65(run, command):
    result = run(*command)
    assert result.status == NOT_FOUND
    sentence = result.err.splitlines()[-1]
    assert "no.such.queue" in sentence and "queue" in sentence


@pytest.mark.parametrize("command", [
    ["publish", "-e", "no.such.exchange", "text"],
    ["publish", "-e", "no.such.exchange", "--confirm", "text"],
    ["subscribe", "-e", "no.such.exchange"], ["exchange", "show", "no.such.exchange"]],
    ids=" ".join)
def test_missing_exchange_is_65(run, command):
    result = run(*command)
    assert result.status == NOT_FOUND
    assert "no.such.exchange" in result.sentence()


@pytest.mark.parametrize("kind", ["policy", "operator-policy"])
@pytest.mark.parametrize("action", ["show", "delete"])
def test_missing_policy_is_65(run, kind, action):
    result = run(kind, action, "no.such.policy")
    assert result.status == NOT_FOUND
    assert "no.such.policy" in result.sentence() and kind.replace("-", " ") in result.sentence()


def test_policy_that_is_refused_is_1_and_says_why(run):
    result = run("policy", "set", "p", "--pattern", "a(", "--definition", '{"max-length":1}')
    assert result.status == FAILURE
    assert "missing )" in result.sentence()


@pytest.mark.parametrize("kind", ["policy", "operator-policy"])
def test_policy_is_set_shown_and_deleted(run, queue, kind):
    name = "for." + queue
    made = run(kind, "set", name, "--pattern", "^%s$" % queue, "--definition", '{"max-length":7}',
               "--priority", "-2", "--apply-to", "queues", "-o", "json")
    assert (made.status, json.loads(made.out)) == (OK, {"name": name})
    listed = json.loads(run(kind, "list", "-o", "json").out)
    policy = {"vhost": "/", "name": name, "pattern": "^%s$" % queue, "apply-to": "queues",
              "definition": {"max-length": 7}, "priority": -2}
    assert policy in listed
    assert json.loads(run(kind, "show", name, "-o", "json").out) == policy
    assert "max-length=7" in run(kind, "show", name).out
    words = [line.split() for line in run("queue", "show", queue).out.splitlines()]
    assert [*kind.split("-"), name] in words
    assert run(kind, "delete", name).status == OK
    assert run(kind, "show", name).status == NOT_FOUND


def test_queue_declared_with_other_properties_is_65(run, queue):
    result = run("queue", "declare", queue, "--durable")
    assert result.status == NOT_FOUND
    assert queue in result.sentence()


# ---- conditions

def test_empty_queue_is_2(run, queue):
    result = run("get", queue)
    assert result.status == NOT_MET
    assert queue in result.sentence()


def test_unroutable_message_is_2_when_mandatory(run):
    result = run("publish", "--mandatory", "--key", "no.such.queue", "text")
    assert result.status == NOT_MET
    assert "no.such.queue" in result.err
    assert run("publish", "--key", "no.such.queue", "text").status == OK


def test_message_refused_by_a_full_queue_is_1(run, queue):
    full = queue + ".full"
    run("queue", "declare", full, "--max-length", "1", "--overflow", "reject-publish")
    assert run("publish", "--confirm", "--key", full, "one").status == OK
    result = run("publish", "--confirm", "--key", full, "two")
    run("queue", "delete", full)
    assert result.status == FAILURE
    assert result.err


def test_timeout_is_124(run, queue):
    result = run("subscribe", queue, "--timeout", "100ms")
    assert result.status == TIMEOUT
    assert result.out == ""


# ---- files and pipes

def test_missing_file_is_1(run, queue):
    result = run("publish", "--key", queue, "--file", "/no/such/file")
    assert result.status == FAILURE
    assert "/no/such/file" in result.sentence()


def test_folder_for_a_file_is_1(run, queue, tmp_path):
    result = run("publish", "--key", queue, "--file", str(tmp_path))
    assert result.status == FAILURE
    assert str(tmp_path) in result.sentence()


def test_file_that_may_not_be_read_is_1(run, queue, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("text")
    secret.chmod(0)
    if os.access(secret, os.R_OK):  # as root everything may be read
        secret = tmp_path / "loop"
        secret.symlink_to(secret)
    result = run("publish", "--key", queue, "--file", str(secret))
    assert result.status == FAILURE
    assert str(secret) in result.sentence()


def test_reader_that_goes_away_is_1_and_loses_nothing(run, start, queue):
    """brokerctl subscribe | head -1: what was not printed is in the queue again, in order."""
    count = 20000
    numbers = "".join("%d\n" % n for n in range(count))
    assert run("publish", "--key", queue, "--lines", "--confirm", input=numbers).status == OK
    running = start("subscribe", queue, "--prefetch", "10")
    assert running.process.stdout.readline() == "0\n"
    running.process.stdout.close()
    running.process.stdout = None
    result = running.end()
    assert result.status == FAILURE
    assert result.err.splitlines()[-1].startswith("brokerctl: ")
    left = run("get", queue, "--count", str(count), "--ack", "none").out.splitlines()
    printed = count - len(left)
    assert 0 < printed < count
    assert left == [str(n) for n in range(printed, count)]


def test_standard_output_that_is_closed_is_no_crash(queue):
    done = subprocess.run("brokerctl queue list >&-", shell=True, capture_output=True, timeout=20)
    assert done.returncode >= 0 and done.returncode < 128


def test_standard_input_that_is_closed_is_no_crash(queue):
    done = subprocess.run("brokerctl publish --key %s - <&-" % queue, shell=True,
                          capture_output=True, timeout=20)
    assert done.returncode >= 0 and done.returncode < 128


def test_full_disk_for_the_output_is_1(queue, run):
    run("publish", "--key", queue, "text")
    done = subprocess.run("brokerctl get %s > /dev/full" % queue, shell=True,
                          capture_output=True, text=True, timeout=20)
    assert done.returncode == FAILURE
    assert done.stderr.startswith("brokerctl: ")


def test_message_that_could_not_be_printed_goes_back(queue, run):
    run("publish", "--key", queue, "text")
    subprocess.run("brokerctl get %s > /dev/full" % queue, shell=True, capture_output=True,
                   timeout=20)
    assert run("get", queue, "-o", "raw").out == "text"


# ---- the command line

@pytest.mark.parametrize("command", [
    ["no-such-command"], ["queue", "no-such-command"], ["queue", "list", "--no-such-option"],
    ["subscribe", "q", "--count"], ["subscribe", "q", "--count", "many"],
    ["subscribe", "q", "--timeout", "soon"], ["subscribe"], ["publish"],
    ["publish", "--key", "q", "one", "two"], ["queue", "list", "-o", "xml"],
    ["ping", "--url", "http://127.0.0.1/"], ["ping", "--url", "amqp://127.0.0.1:port/"],
    ["publish", "--key", "q", "-H", "n:int=five", "text"], ["policy", "set", "p"],
    ["policy", "set", "p", "--pattern", "a", "--definition", "[]"],
    ["policy", "set", "p", "--pattern", "a", "--definition", "{}", "--priority", "high"],
    ["policy", "set", "p", "--pattern", "a", "--definition", "{}", "--apply-to", "none"]],
    ids=" ".join)
def test_command_line_that_makes_no_sense_is_64(run, command):
    result = run(*command)
    assert result.status == USAGE
    assert result.sentence()


def test_url_from_the_environment_that_makes_no_sense_is_64_and_named(run):
    result = run("ping", BROKERCTL_URL="nonsense")
    assert result.status == USAGE
    assert "BROKERCTL_URL" in result.sentence()


def test_removing_a_binding_that_is_not_there_is_65(run):
    queue = "failures." + uuid.uuid4().hex[:8]
    assert run("queue", "declare", queue).status == OK
    assert run("binding", "declare", "amq.direct", queue, "--key", "a").status == OK
    missing = run("binding", "delete", "amq.direct", queue, "--key", "b")
    assert missing.status == NOT_FOUND
    assert "no binding has the key 'b'" in missing.sentence()
    both = run("binding", "delete", "amq.direct", queue, "--key", "a", "--key", "b")
    assert both.status == NOT_FOUND and "removed 1 binding\n" in both.err
    again = run("binding", "delete", "amq.direct", queue, "--key", "a")
    assert again.status == NOT_FOUND and "'a'" in again.sentence()
    assert run("queue", "delete", queue).status == OK


@pytest.mark.parametrize("command", [
    [], ["publish"], ["subscribe"], ["get"], ["queue"], ["queue", "declare"], ["exchange"],
    ["binding"], ["connection"], ["channel"], ["consumer"], ["status"], ["ping"], ["bench"],
    ["policy"], ["policy", "set"], ["operator-policy"], ["completion"]], ids=" ".join)
def test_help_is_there_on_every_level_with_examples(run, command):
    result = run(*command, "--help", BROKERCTL_URL="amqp://127.0.0.1:1/")
    assert (result.status, result.err) == (OK, "")
    assert "Usage: brokerctl" in result.out and "Examples:" in result.out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_the_shell_accepts(run, shell):
    result = run("completion", shell)
    assert result.status == OK and "brokerctl" in result.out
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=result.out, text=True, check=True)
