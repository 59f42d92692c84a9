"""Sends a document under headers of your choice.

    python headers_emit.py TEXT NAME=VALUE...
"""

import os
import sys

import pika

url = os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")
text, headers = sys.argv[1], dict(pair.split("=", 1) for pair in sys.argv[2:])

with pika.BlockingConnection(pika.URLParameters(url)) as connection:
    channel = connection.channel()
    channel.exchange_declare("documents", "headers")
    channel.basic_publish(
        exchange="documents", routing_key="", body=text,
        properties=pika.BasicProperties(headers=headers))
    print("sent", repr(text), headers)
