# SPDX-License-Identifier: Apache-2.0
"""The HTTP servers of tests: on loopback, each in a thread of its own."""
import http.server
import ssl
import threading


def tls_context(certificate, client_ca=None):
    """Of a server with these (chain, key) files; with `client_ca`, clients show theirs too."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_ca)
    return context


class Server(http.server.ThreadingHTTPServer):
    """Serves from its making to stop(). `facts` become its attributes, for its handlers."""
    daemon_threads = True

    def __init__(self, handler, address="127.0.0.1", port=0, tls=None, **facts):
        super().__init__((address, port), handler)
        vars(self).update(facts)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.host = f"{address}:{self.server_address[1]}"
        # stop() waits for as long as one poll takes.
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def handle_error(self, *_args):
        """A client that hangs up is no news."""

    def stop(self):
        self.shutdown()
        self.server_close()
