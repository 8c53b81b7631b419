"""HTTP in which a request ends within its timeout.

Python's own timeout starts anew with each byte that is received: a slow server could hold a client for days.
"""

import http.client
import socket
import time
import urllib.request


class _Socket(socket.socket):
    """Receives until `deadline`, in seconds of `time.monotonic`."""

    deadline = 0.0

    def recv_into(self, *arguments):
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("its answer takes too long")
        self.settimeout(left)
        return super().recv_into(*arguments)


class _Connection(http.client.HTTPConnection):
    def connect(self):
        deadline = time.monotonic() + self.timeout
        super().connect()
        self.sock = _Socket(fileno=self.sock.detach())
        self.sock.settimeout(self.timeout)  # of what is sent
        self.sock.deadline = deadline


class _Handler(urllib.request.HTTPHandler):
    def http_open(self, request):
        return self.do_open(_Connection, request)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect is an error: TF Serving has none, and requests stay with the server that was named."""

    def http_error_302(self, *_):
        return None

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def opener() -> urllib.request.OpenerDirector:
    """Opens HTTP requests, each with a `timeout` that the end of its answer must keep. No redirects."""
    return urllib.request.build_opener(_Handler, _NoRedirects)
