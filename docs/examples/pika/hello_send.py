"""Puts one message into the queue `hello`.

    python hello_send.py [TEXT]
"""

import os
import sys

import pika

url = os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")
text = " ".join(sys.argv[1:]) or "Hello World!"

with pika.BlockingConnection(pika.URLParameters(url)) as connection:
    channel = connection.channel()
    channel.queue_declare("hello")
    channel.basic_publish(exchange="", routing_key="hello", body=text)
    print("sent", repr(text))
