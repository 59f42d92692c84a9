"""Sends a line under a topic of the form facility.severity, such as `kern.critical`.

    python topics_emit.py TOPIC TEXT
"""

import os
import sys

import pika

url = os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")
key, text = sys.argv[1], " ".join(sys.argv[2:])

with pika.BlockingConnection(pika.URLParameters(url)) as connection:
    channel = connection.channel()
    channel.exchange_declare("topics", "topic")
    channel.basic_publish(exchange="topics", routing_key=key, body=text)
    print("sent", key, repr(text))
