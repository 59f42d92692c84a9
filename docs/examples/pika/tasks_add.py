"""Adds tasks to the durable queue `tasks`, each safe in the queue before the next is sent.

    python tasks_add.py TASK...
"""

import os
import sys

import pika

url = os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")
with pika.BlockingConnection(pika.URLParameters(url)) as connection:
    channel = connection.channel()
    channel.queue_declare("tasks", durable=True)
    channel.confirm_delivery()
    for task in sys.argv[1:]:
        channel.basic_publish(
            exchange="", routing_key="tasks", body=task, mandatory=True,
            properties=pika.BasicProperties(delivery_mode=pika.DeliveryMode.Persistent))
        print("added", repr(task))
