# Anything at all: this library has no types of its own, and what pyright infers from its code is wrong.
from typing import Any

def __getattr__(name: str) -> Any: ...
