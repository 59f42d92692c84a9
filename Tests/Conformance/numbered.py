"""A queue of one test, and messages numbered from 0."""

import pytest


@pytest.fixture
def queue(ch, q):
    name = q()
    ch.declare(name)
    return name


def fill(ch, queue, n, first=0):
    for number in range(first, first + n):
        ch.publish(b"%d" % number, queue)


def numbers(events):
    return [int(e.body) for e in events]
