"""Runs one input under limits, and says what was wrong with how it ended."""

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator

# Events of Python's audit that no parser has a reason for.
FORBIDDEN = {
    *("os.system", "os.exec", "os.posix_spawn", "os.spawn", "subprocess.Popen", "pty.spawn"),
    *("os.fork", "os.kill", "socket.connect", "socket.bind", "ctypes.dlopen", "pickle.find_class"),
    *("os.remove", "os.rename", "os.rmdir", "os.link", "os.symlink", "os.chmod", "os.truncate"),
}
_LONGEST = 2_000  # characters of a sentence
_WAITING = 10  # times the processor's time, on a busy machine

_watching = False
_seen: list[str] = []
_opened: list[str] = []  # for writing


class TookTooLong(BaseException):
    """No `except Exception` on the way catches it."""


def _audit(event: str, arguments: tuple) -> None:
    if not _watching:
        return
    if event in FORBIDDEN:
        _seen.append(event)
        raise PermissionError(f"{event} is forbidden here")
    # The standard library and Keras make classes so, in modules that are imported late.
    if event == "exec" and getattr(arguments[0], "co_filename", "<").startswith("<") and not _in_an_import():
        _seen.append("exec of a text")
    is_path = event == "open" and isinstance(arguments[0], str | bytes) and isinstance(arguments[2], int)
    if is_path and arguments[2] & (os.O_WRONLY | os.O_RDWR):
        _opened.append(arguments[0])


def _in_an_import():
    frame = sys._getframe()
    while frame is not None and not frame.f_code.co_filename.startswith("<frozen importlib"):
        frame = frame.f_back
    return frame is not None


def install() -> None:
    """From now on, what is forbidden is seen. Python cannot take an audit hook back."""
    sys.addaudithook(_audit)
    signal.signal(signal.SIGPROF, _time_is_up)
    signal.signal(signal.SIGALRM, _time_is_up)


def _time_is_up(*_):
    raise TookTooLong


@contextlib.contextmanager
def _watched(seconds: float) -> Iterator[None]:
    global _watching
    _seen.clear()
    _opened.clear()
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, _WAITING * seconds)
    _watching = True
    try:
        yield
    finally:
        _watching = False
        # Whether a folder can be written is found out with a file that is gone by now.
        written = [path for path in _opened if os.path.lexists(path) and not os.path.isdir(path)]
        _seen.extend(f"open {path!r} for writing" for path in written)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)


def fault_of(function: Callable[[], object], errors: tuple[type[BaseException], ...], seconds: float) -> str:
    """What was wrong with how a call ended; nothing if it returned, or raised one sentence."""
    try:
        with _watched(seconds):
            function()
    except TookTooLong:
        return f"took more than {seconds:g} s"
    except errors as error:
        text = str(error)
        if not _seen and (not text.strip() or len(text) > _LONGEST or "\n" in text or "Traceback" in text):
            return f"{type(error).__name__} is not one sentence: {text[:200]!r}"
    except BaseException as error:
        return f"raw {type(error).__name__}: {str(error)[:200]!r}"
    return f"did {_seen[0]}" if _seen else ""
