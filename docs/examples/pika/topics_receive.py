"""Prints the lines whose topic matches a pattern: `*` is one word, `#` any number of words.

    python topics_receive.py PATTERN...
    python topics_receive.py 'kern.*' '*.critical'

A message that matches several patterns comes once.
"""

import os
import sys

import pika

url = os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")
count = int(os.environ.get("COUNT", "0"))  # stop after so many messages; 0 is never

with pika.BlockingConnection(pika.URLParameters(url)) as connection:
    channel = connection.channel()
    channel.exchange_declare("topics", "topic")
    queue = channel.queue_declare("", exclusive=True).method.queue
    for pattern in sys.argv[1:]:
        channel.queue_bind(queue, "topics", pattern)
    print("ready", flush=True)
    for number, (method, _, body) in enumerate(channel.consume(queue, auto_ack=True), start=1):
        print("received", method.routing_key, repr(body.decode()), flush=True)
        if number == count:
            break
