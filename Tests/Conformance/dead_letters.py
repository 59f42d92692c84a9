"""Queues whose messages become dead letters, and where these are collected."""

import pytest


def dlx(**more):
    """Arguments of a queue whose dead letters go to the default exchange."""
    return {"x-dead-letter-exchange": "", **more}


@pytest.fixture
def dead(ch, q):
    """A plain queue that collects dead letters."""
    name = q("dead")
    ch.declare(name)
    return name


def deaths(event):
    return event.headers["x-death"]
