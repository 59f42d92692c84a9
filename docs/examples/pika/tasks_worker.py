"""Takes one task at a time from `tasks`; you are the work: press Enter when it is done.

    python tasks_worker.py

A task is acknowledged when it is done, so the task of a worker that is killed goes to another,
and with a prefetch of one a slow worker never holds a task that a free one could take.
"""

import os
import sys

import pika

url = os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")
count = int(os.environ.get("COUNT", "0"))  # stop after so many messages; 0 is never

with pika.BlockingConnection(pika.URLParameters(url)) as connection:
    channel = connection.channel()
    channel.queue_declare("tasks", durable=True)
    channel.basic_qos(prefetch_count=1)
    print("ready", flush=True)
    for number, (method, _, body) in enumerate(channel.consume("tasks"), start=1):
        print("working on", repr(body.decode()), flush=True)
        sys.stdin.readline()
        channel.basic_ack(method.delivery_tag)
        print("done", flush=True)
        if number == count:
            break
