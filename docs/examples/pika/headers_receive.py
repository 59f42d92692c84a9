"""Prints the documents whose headers match all, or any, of the pairs given.

    python headers_receive.py all|any NAME=VALUE...
"""

import os
import sys

import pika

url = os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")
wanted = dict(pair.split("=", 1) for pair in sys.argv[2:])
count = int(os.environ.get("COUNT", "0"))  # stop after so many messages; 0 is never

with pika.BlockingConnection(pika.URLParameters(url)) as connection:
    channel = connection.channel()
    channel.exchange_declare("documents", "headers")
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, "documents", arguments={"x-match": sys.argv[1], **wanted})
    print("ready", flush=True)
    for number, (_, _, body) in enumerate(channel.consume(queue, auto_ack=True), start=1):
        print("received", repr(body.decode()), flush=True)
        if number == count:
            break
