"""Sends a line to everyone who listens to the fanout exchange `logs`.

    python logs_emit.py TEXT
"""

import os
import sys

import pika

url = os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")
text = " ".join(sys.argv[1:])

with pika.BlockingConnection(pika.URLParameters(url)) as connection:
    channel = connection.channel()
    channel.exchange_declare("logs", "fanout")
    channel.basic_publish(exchange="logs", routing_key="", body=text)
    print("sent", repr(text))
