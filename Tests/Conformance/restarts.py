"""Scenarios that go through a restart of the broker."""

import os
import subprocess

import pytest

import wire
from conftest import Names

SCENARIOS = {"clean": [], "kill": []}


def scenario(*kinds):
    def register(cls):
        for kind in kinds:
            SCENARIOS[kind].append(cls)
        return cls
    return register


class Lab:
    """What a scenario works with: names, and a connection of its own."""

    def __init__(self, target, names):
        self.target, self.q, self.x = target, names.q, names.x
        self.clients = []

    def client(self):
        client = wire.Client(self.target.host, self.target.port)
        self.clients.append(client)
        return client.open(self.target.user, self.target.password, self.target.vhost)

    def channel(self):
        return self.client().channel()

    def close(self):
        for client in self.clients:
            client.drop()


def restart_with(variable, kind, target):
    command = os.environ.get(variable)
    if not command:
        pytest.skip("%s is not set" % variable)
    names = Names("conf.durable." + kind)
    lab = Lab(target, names)
    states = {}
    for case in SCENARIOS[kind]:
        try:
            states[case] = (True, case.before(lab))
        except Exception as error:
            states[case] = (False, error)
    subprocess.run(command, shell=True, check=True, timeout=200)
    return names, lab, states


def run_after(target, restarted, case):
    names, lab, states = restarted
    fine, state = states[case]
    if not fine:
        raise AssertionError("could not prepare: %r" % state) from state
    after = Lab(target, names)
    try:
        case.after(after, state)
    finally:
        after.close()


@pytest.fixture(scope="module")
def clean(target):
    restarted = restart_with("BROKER_RESTART_CMD", "clean", target)
    yield restarted
    restarted[1].close()
    restarted[0].clean(target)


@pytest.fixture(scope="module")
def killed(target):
    restarted = restart_with("BROKER_KILL_CMD", "kill", target)
    yield restarted
    restarted[1].close()
    restarted[0].clean(target)
