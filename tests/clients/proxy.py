"""A proxy between the SDK and the server that loses the first exchange."""

import contextlib
import http.client
import http.server
import threading
import urllib.parse

from harness import SERVER

UPSTREAM = urllib.parse.urlsplit(SERVER).netloc
OF_ONE_CONNECTION = {"connection", "content-length", "keep-alive", "transfer-encoding"}


class LosingProxy(http.server.ThreadingHTTPServer):
    """Passes on every request. The first client to come gets no answer: its connection is closed."""

    daemon_threads = True

    def __init__(self, hang_up):
        super().__init__(("127.0.0.1", 0), Handler)
        self.hang_up = hang_up
        self.requests = 0
        self.lost_answer = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        proxy = self.server
        proxy.requests += 1
        # One request a connection, so that closing it loses exactly one answer.
        self.close_connection = True
        body = self.rfile.read(int(self.headers["content-length"]))
        with contextlib.closing(http.client.HTTPConnection(UPSTREAM, timeout=120)) as upstream:
            upstream.request("POST", self.path, body, dict(self.headers))
            if proxy.requests > 1:
                self.pass_on(upstream.getresponse())
            elif not proxy.hang_up:
                proxy.lost_answer = upstream.getresponse().read()

    def pass_on(self, answer):
        body = answer.read()
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in OF_ONE_CONNECTION:
                self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """The script's output is for its checks."""


@contextlib.contextmanager
def losing_proxy(hang_up):
    """A running proxy. Before it closes the first connection it hangs up on the server, or awaits its answer."""
    with LosingProxy(hang_up) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
