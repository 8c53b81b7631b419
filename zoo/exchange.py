"""Atomic exchange of two names in a file system, so that neither is ever missing."""

import ctypes
import errno
import os
import sys

_SWAP = 2  # RENAME_EXCHANGE of Linux, and RENAME_SWAP of macOS
_HERE = {"linux": -100, "darwin": -2}.get(sys.platform)  # AT_FDCWD
_FUNCTION = {"linux": "renameat2", "darwin": "renameatx_np"}.get(sys.platform)
_UNKNOWN = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)  # not supported by the system or by this file system


def exchange(a: str | os.PathLike, b: str | os.PathLike) -> None:
    """Exchanges two files or folders of one file system.

    Raises:
        NotImplementedError: the system or the file system does not support it.
        OSError: one of them is missing or cannot be renamed.
    """
    function = _FUNCTION and getattr(ctypes.CDLL(None, use_errno=True), _FUNCTION, None)
    if not function:
        raise NotImplementedError("the system cannot exchange two names in one step.")
    if function(_HERE, os.fsencode(a), _HERE, os.fsencode(b), ctypes.c_uint(_SWAP)) == 0:
        return
    code = ctypes.get_errno()
    if code in _UNKNOWN:
        raise NotImplementedError("the file system cannot exchange two names in one step.")
    raise OSError(code, os.strerror(code), str(a), None, str(b))
