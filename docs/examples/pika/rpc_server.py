"""Answers requests for Fibonacci numbers that come into the queue `fibonacci`.

    python rpc_server.py
"""

import os

import pika

url = os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")


def fibonacci(n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a


count = int(os.environ.get("COUNT", "0"))  # stop after so many messages; 0 is never

with pika.BlockingConnection(pika.URLParameters(url)) as connection:
    channel = connection.channel()
    channel.queue_declare("fibonacci")
    channel.basic_qos(prefetch_count=1)
    print("ready", flush=True)
    for number, (method, request, body) in enumerate(channel.consume("fibonacci"), start=1):
        print("asked for", body.decode(), flush=True)
        channel.basic_publish(
            exchange="", routing_key=request.reply_to, body=str(fibonacci(int(body))),
            properties=pika.BasicProperties(correlation_id=request.correlation_id))
        channel.basic_ack(method.delivery_tag)
        if number == count:
            break
