"""Errors for requests that a server refuses."""

from ...zoo.json_files import shown_text


class Refused(ValueError):
    """The server calls the request invalid. With batching, it refuses all requests of the batch."""


class TooLarge(ValueError):
    """The batch has more rows, or the message more bytes, than the server accepts."""


def is_too_large(details: str) -> bool:
    """Returns whether a server refuses a request for its number of rows (with batching) or bytes."""
    return ("Task size" in details and "larger than" in details) or "message larger than max" in details


def one_line(details: str) -> str:
    """Returns a server's message as one line, without TensorFlow's node names."""
    return shown_text(" ".join(details.partition("[[{{")[0].split()), 1000)
