"""HTTP requests that end within their timeout.

Python's own timeout restarts with each byte received: a slow server could block a client for days.
"""

import http.client
import socket
import time
import urllib.request


class _Socket(socket.socket):
    """Receives until `deadline`, a time of `time.monotonic`."""

    deadline = 0.0

    def recv_into(self, *arguments):
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("its answer takes too long")
        self.settimeout(left)
        return super().recv_into(*arguments)


class _Connection(http.client.HTTPConnection):
    def connect(self):
        assert self.timeout is not None
        deadline = time.monotonic() + self.timeout
        super().connect()
        self.sock = _Socket(fileno=self.sock.detach())
        self.sock.settimeout(self.timeout)  # for sending
        self.sock.deadline = deadline


class _Handler(urllib.request.HTTPHandler):
    def http_open(self, request):
        return self.do_open(_Connection, request)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Makes a redirect an error: TF Serving has none, and requests must go only to the given server."""

    def http_error_302(self, req, fp, code, msg, headers):
        return None

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def opener() -> urllib.request.OpenerDirector:
    """Returns an opener for HTTP requests whose `timeout` limits the whole answer, without redirects."""
    return urllib.request.build_opener(_Handler, _NoRedirects)
