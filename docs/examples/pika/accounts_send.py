"""Sends changes of accounts; those of one account are worked on one after the other.

    python accounts_send.py ACCOUNT=CHANGE...
"""

import os
import sys

import pika

url = os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")
with pika.BlockingConnection(pika.URLParameters(url)) as connection:
    channel = connection.channel()
    channel.queue_declare("accounts", durable=True, arguments={"x-group-header": "account"})
    channel.confirm_delivery()
    for argument in sys.argv[1:]:
        account, change = argument.split("=", 1)
        channel.basic_publish(
            exchange="", routing_key="accounts", body=change,
            properties=pika.BasicProperties(
                delivery_mode=pika.DeliveryMode.Persistent, headers={"account": account}))
        print("sent", account, repr(change))
