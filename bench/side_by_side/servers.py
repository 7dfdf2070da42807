"""The two servers: how each is configured, started and known to be up. Never measures.

nginx is the yardstick, not a rival: it answers a constant body of the same size as ours and understands no MCP.
"""

import http.client
import os
import shlex
import socket
import time

from .children import Failed, output

START_WAIT_S = 10
POLL_S = 0.0002

NGINX_CONF = """\
daemon off;
master_process on;
worker_processes 1;
worker_rlimit_nofile 16384;
{user}
pid {directory}/nginx.pid;
error_log {directory}/nginx-error.log crit;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  keepalive_timeout 75s;
  keepalive_requests 1000000000;
  client_body_temp_path {directory}/nginx-body;
  proxy_temp_path {directory}/nginx-proxy;
  fastcgi_temp_path {directory}/nginx-fastcgi;
  uwsgi_temp_path {directory}/nginx-uwsgi;
  scgi_temp_path {directory}/nginx-scgi;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{ default_type application/json; return 200 '{body}'; }}
  }}
}}
"""


class Server:
    """One of the two; `start` may be called again after `stop`."""

    def __init__(self, name, children, cpu, command):
        self.name, self.children, self.cpu = name, children, cpu
        self.command = command  # of (port, admin port) -> words
        self.child = None
        self.port = 0

    def start(self, request):
        """Returns milliseconds from just before the fork until the first right answer was read."""
        self.port, admin_port = free_ports(2)
        words = self.command(self.port, admin_port)
        began = time.monotonic()
        self.child = self.children.start(self.name, words, self.cpu)
        while True:
            try:
                self.first_answer = request.ask(self.port)
                return (time.monotonic() - began) * 1000
            except OSError as not_yet:
                self.check_alive()
                if time.monotonic() - began > START_WAIT_S:
                    log = output(self.child)[-2000:]
                    raise Failed(f"{self.name} gave no right answer in {START_WAIT_S} s: {not_yet}\n{log}") from None
                time.sleep(POLL_S)

    def stop(self):
        if self.child:
            self.children.end(self.child)
            self.child = None

    def check_alive(self):
        if self.child.poll() is not None:
            raise Failed(f"{self.name} ended with {self.child.returncode}:\n{output(self.child)[-2000:]}")


class EchoRequest:
    """The request as `ringway-bench request` prints it, for those who do not speak Rust."""

    MARK = b"{{_counter}}"
    COUNTER = b"100000000000"

    # Printed for this address; a server may hold the Host header to the port that it listens on.
    ADDR = "127.0.0.1:1"

    def __init__(self, raw):
        self.raw = raw.replace(self.MARK, self.COUNTER)
        # The text after the counter: constant, and long enough to tell an echo from anything else.
        self.text_tail = raw.split(b'":"' + self.MARK, 1)[1].split(b'"', 1)[0].decode()

    def ask(self, port):
        """The body of a right answer; OSError while there is none."""
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(self.raw.replace(f"Host: {self.ADDR}\r\n".encode(), f"Host: 127.0.0.1:{port}\r\n".encode()))
            answer = http.client.HTTPResponse(connection)
            try:
                answer.begin()
                body = answer.read()
            except http.client.HTTPException as error:
                raise ConnectionError(f"no HTTP from port {port}: {error!r}") from None
        if answer.status != 200 or self.text_tail.encode() not in body:
            raise ConnectionError(f"the echo was answered {answer.status} {body[:600].decode(errors='replace')}")
        return body


def nginx(children, cpu, body):
    def command(port, _admin_port):
        # `$` begins a variable in nginx and has no escape; a body of the same size is all that counts.
        quoted = body.decode().replace("\\", "\\\\").replace("'", "\\'").replace("$", "_").replace("\n", " ")
        directory = children.directory
        conf_path = os.path.join(directory, "nginx.conf")
        with open(conf_path, "w", encoding="utf-8") as conf:
            user = "user root;" if os.geteuid() == 0 else ""
            conf.write(NGINX_CONF.format(directory=directory, port=port, body=quoted, user=user))
        return ["nginx", "-p", directory, "-c", conf_path, "-e", os.path.join(directory, "nginx-error.log")]

    return Server("nginx", children, cpu, command)


def ringway(children, cpu, path, arguments):
    def command(port, admin_port):
        words = [word.format(port=port, admin_port=admin_port, cpu=cpu) for word in shlex.split(arguments)]
        return [os.path.abspath(path), *words]

    return Server("ringway", children, cpu, command)


def free_ports(count):
    """Free when we looked. Someone may take one before the server does; the server then fails loudly."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in sockets]
    for listener in sockets:
        listener.close()
    return ports
