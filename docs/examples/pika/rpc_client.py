"""Asks the server for a Fibonacci number and waits for the answer.

    python rpc_client.py N

The answer comes into a queue of this connection's own; the correlation id tells which request it
belongs to.
"""

import os
import sys
import uuid

import pika

url = os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")
with pika.BlockingConnection(pika.URLParameters(url)) as connection:
    channel = connection.channel()
    answers = channel.queue_declare("", exclusive=True).method.queue
    request = str(uuid.uuid4())
    channel.basic_publish(
        exchange="", routing_key="fibonacci", body=sys.argv[1],
        properties=pika.BasicProperties(reply_to=answers, correlation_id=request))
    for _, properties, body in channel.consume(answers, auto_ack=True):
        if properties.correlation_id == request:
            print("fibonacci(%s) = %s" % (sys.argv[1], body.decode()))
            break
