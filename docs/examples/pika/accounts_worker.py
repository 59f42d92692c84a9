"""Takes one change at a time from `accounts`; you are the work: press Enter when it is done.

    python accounts_worker.py

Start as many as you like: changes of one account are never with two workers at the same time,
and come in the order in which they were sent. This needs brokerd.
"""

import os
import sys

import pika

url = os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")
count = int(os.environ.get("COUNT", "0"))  # stop after so many messages; 0 is never

with pika.BlockingConnection(pika.URLParameters(url)) as connection:
    channel = connection.channel()
    channel.queue_declare("accounts", durable=True, arguments={"x-group-header": "account"})
    channel.basic_qos(prefetch_count=1)
    print("ready", flush=True)
    for number, (method, properties, body) in enumerate(channel.consume("accounts"), start=1):
        print(properties.headers["account"], repr(body.decode()), flush=True)
        sys.stdin.readline()
        channel.basic_ack(method.delivery_tag)
        print("done", flush=True)
        if number == count:
            break
