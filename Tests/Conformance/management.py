"""Asks a broker about itself: over its HTTP API, or with messages where it answers those."""

import base64
import json
import urllib.error
import urllib.parse
import urllib.request


class OverHTTP:
    """RabbitMQ's management plugin."""

    def __init__(self, url, target):
        self.url = url.rstrip("/")
        login = "%s:%s" % (target.user, target.password)
        self.authorization = "Basic " + base64.b64encode(login.encode()).decode()

    def request(self, method, path, body=b""):
        request = urllib.request.Request(
            self.url + path, method=method, data=body or None,
            headers={"Authorization": self.authorization, "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()


class OverMessages:
    """brokerd's requests as messages to an exchange."""

    def __init__(self, client):
        self.channel = client.channel()
        self.channel.consume("amq.rabbitmq.reply-to", no_ack=True)

    def request(self, method, path, body=b""):
        self.channel.publish(body, "%s %s" % (method, path), "brokerd.management",
                             reply_to="amq.rabbitmq.reply-to")
        reply = self.channel.delivery()
        return reply.headers["status"], reply.body


class Management:
    """Policies of one virtual host; those it has set are removed at the end."""

    def __init__(self, transport, vhost):
        self.transport = transport
        self.vhost = urllib.parse.quote(vhost, safe="")
        self.made = []

    def request(self, method, path, body=None):
        """The status and the JSON of the answer; `body` is JSON's value, or octets as they are."""
        if not isinstance(body, (bytes, type(None))):
            body = json.dumps(body).encode()
        status, answer = self.transport.request(method, path, body or b"")
        return status, json.loads(answer) if answer else None

    def path(self, name, operator=False):
        kind = "operator-policies" if operator else "policies"
        return "/api/%s/%s/%s" % (kind, self.vhost, urllib.parse.quote(name, safe=""))

    def put(self, name, body, operator=False):
        path = self.path(name, operator)
        if path not in self.made:
            self.made.append(path)
        return self.request("PUT", path, body)

    def policy(self, name, pattern, definition, operator=False, **more):
        """Sets a policy, which has to be accepted."""
        body = {"pattern": pattern, "definition": definition,
                **{key.replace("_", "-"): value for key, value in more.items()}}
        status, answer = self.put(name, body, operator)
        assert status in (201, 204), (status, answer)

    def clear(self, name, operator=False):
        status, answer = self.request("DELETE", self.path(name, operator))
        assert status == 204, (status, answer)

    def clean(self):
        for path in self.made:
            self.transport.request("DELETE", path)
