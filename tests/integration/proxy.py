# SPDX-License-Identifier: Apache-2.0
"""An HTTP proxy of the test's own: absolute URIs and CONNECT, whatever the host, to one server."""
import http.client
import http.server
import select
import socket
import urllib.parse

import http_server


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_args):
        pass

    def is_refused(self):
        proxy = self.server.proxy
        proxy.requests.append((self.command, self.path, dict(self.headers)))
        if proxy.login and self.headers.get("Proxy-Authorization") != proxy.login:
            self.send_response(407)
            self.send_header("Proxy-Authenticate", 'Basic realm="proxy"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return True
        return False

    def do_GET(self):
        if self.is_refused():
            return
        url = urllib.parse.urlsplit(self.path)
        there = http.client.HTTPConnection(*self.server.proxy.target, timeout=20)
        headers = {k: v for k, v in self.headers.items() if not k.startswith("Proxy-")}
        there.request("GET", url._replace(scheme="", netloc="").geturl(), headers=headers)
        answer = there.getresponse()
        body = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name not in ("Date", "Server"):
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_CONNECT(self):
        if self.is_refused():
            return
        with socket.create_connection(self.server.proxy.target, timeout=20) as there:
            self.send_response(200)
            self.end_headers()
            pairs = {self.connection: there, there: self.connection}
            while True:
                for ready in select.select(list(pairs), [], [], 20)[0]:
                    data = ready.recv(1 << 16)
                    if not data:
                        self.close_connection = True
                        return
                    pairs[ready].sendall(data)


class Proxy:
    """Leads everything to `target`, "host:port"."""

    def __init__(self, target):
        host, port = target.split(":")
        self.target, self.requests, self.login = (host, int(port)), [], None
        self.server = http_server.Server(Handler, proxy=self)
        self.host = self.server.host

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.stop()
