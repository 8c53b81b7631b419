"""What a server refuses, and why."""

from ...zoo.json_files import shown_text


class Refused(ValueError):
    """The server calls the request invalid. A server with batching says so to all requests of a batch."""


class TooLarge(ValueError):
    """The server takes no batch of so many rows, or no message of so many bytes."""


def is_too_large(details: str) -> bool:
    """Whether a server refuses a request for its number of rows (if it batches) or of bytes."""
    return ("Task size" in details and "larger than" in details) or "message larger than max" in details


def one_line(details: str) -> str:
    """A server's message as one line, without TensorFlow's node names."""
    return shown_text(" ".join(details.partition("[[{{")[0].split()), 1000)
