"""Prints what comes into the queue `hello`.

    python hello_receive.py
"""

import os

import pika

url = os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")
count = int(os.environ.get("COUNT", "0"))  # stop after so many messages; 0 is never

with pika.BlockingConnection(pika.URLParameters(url)) as connection:
    channel = connection.channel()
    channel.queue_declare("hello")
    print("ready", flush=True)
    messages = channel.consume("hello", auto_ack=True)
    for number, (_, _, body) in enumerate(messages, start=1):
        print("received", repr(body.decode()), flush=True)
        if number == count:
            break
