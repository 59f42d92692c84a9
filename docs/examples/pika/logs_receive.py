"""Prints every line sent to the exchange `logs` from now on.

    python logs_receive.py

The queue is exclusive: it has a name of the server's making and goes with this connection.
"""

import os

import pika

url = os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")
count = int(os.environ.get("COUNT", "0"))  # stop after so many messages; 0 is never

with pika.BlockingConnection(pika.URLParameters(url)) as connection:
    channel = connection.channel()
    channel.exchange_declare("logs", "fanout")
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, "logs")
    print("ready", flush=True)
    for number, (_, _, body) in enumerate(channel.consume(queue, auto_ack=True), start=1):
        print("received", repr(body.decode()), flush=True)
        if number == count:
            break
