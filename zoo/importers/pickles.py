"""Reads network pickles as data: nothing that a pickle names is imported, and nothing in it is called.

A pickle is a program for a stack machine, which may import and call whatever it names. Here the program
runs on a machine of its own, in which a name is only a name. A call gives what an allow-list says for
that name: a plain value. Any other name ends the reading, and so does an instruction that no network
needs. See the documentation of Python's `pickletools` for the instructions.
"""

import io
import pickletools
from collections.abc import Callable, Mapping
from typing import Any

Names = Mapping[str, Callable[..., Any] | None]

# What may stand as a key of a dict or in a set. Nested tuples could exhaust the stack of their hash; integers
# from here on could all have one hash, and comparing long texts takes time.
KEYS = (str, bytes, int, float, bool, type(None))
MAX_INTEGER_BITS = 60
MAX_TEXT = 1_000


class Refused(ValueError):
    """The pickle asks for something that is not allowed."""


class Global:
    """A class or function that a pickle names: its dotted name, never the thing itself."""

    def __init__(self, name: str):
        self.name = name


class Record:
    """An object of a class that is known by name alone, and its attributes."""

    def __init__(self, kind: str, state: dict | None = None):
        self.kind, self.state = kind, state


class Budget:
    """What a file of some size may cost: the steps of its pickles, and the bytes that are read or copied.

    It is spent before the work is done. Parts of a pickle may be shared, so what a small file unfolds to can
    be of any size.
    """

    MAX_STEPS = 1_000_000  # official files need less than 200,000

    def __init__(self, size: int):
        # A byte may lie in an archive in the pickle, in a storage in the archive, and become two of float32.
        self.steps, self.bytes = self.MAX_STEPS, 4 * size + 1_000_000

    def spend(self, steps: int = 0, copied: int = 0) -> None:
        self.steps -= steps
        self.bytes -= copied
        if self.steps < 0 or self.bytes < 0:
            raise Refused("it asks for more steps or memory than a network of its size needs")


def read(
    stream: io.BytesIO,
    names: Names,
    budget: Budget,
    persistent: Callable[[Any], Any] | None = None,
) -> Any:
    """The value of the pickle at the stream's position, which moves to the pickle's end.

    Args:
      stream: the pickle.
      names: what a call of an allowed dotted name gives, from the arguments of the call. With None,
        the name may stand as an argument and is not to be called.
      budget: bounds the work; it is shared between the pickles of a file.
      persistent: the value of a persistent id. Without it, such ids are refused.

    Raises:
      Refused: a name outside of `names`, or an instruction that no network needs.
      Exception: of many kinds, where the pickle is damaged.

    >>> import io, pickle
    >>> from latentzoo.zoo.importers import pickles
    >>> pickles.read(io.BytesIO(pickle.dumps([1, "a"])), {}, pickles.Budget(100))
    [1, 'a']
    >>> pickles.read(io.BytesIO(pickle.dumps(print)), {}, pickles.Budget(100))
    Traceback (most recent call last):
    latentzoo.zoo.importers.pickles.Refused: it names builtins.print, which no network needs
    """
    machine = _Machine(names, budget, persistent)
    for opcode, argument, _ in pickletools.genops(stream):
        budget.spend(1)
        if opcode.name == "STOP":
            return machine.pop()
        machine.step(opcode.name, argument)
    raise ValueError("it has no end")


class _Machine:
    """The stack, the marks on it and the memo of one pickle."""

    def __init__(self, names: Names, budget: Budget, persistent):
        self.names, self.budget, self.persistent = names, budget, persistent
        self.stack: list = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        if name in CONSTANTS:
            self.push(argument)
        elif name in INSTRUCTIONS:
            INSTRUCTIONS[name](self, argument)
        else:
            raise Refused(f"it holds the instruction {name}, which no network needs")

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self) -> Any:
        if self.marks and len(self.stack) <= self.marks[-1]:
            raise IndexError("its stack is empty")
        return self.stack.pop()

    def pop_many(self, count: int) -> list:
        return [self.pop() for _ in range(count)][::-1]

    def pop_mark(self) -> list:
        """All that was pushed since the last mark."""
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def top(self, kind: type) -> Any:
        if not isinstance(self.stack[-1], kind):
            raise TypeError(f"it puts items into something that is no {kind.__name__}")
        return self.stack[-1]

    def put(self, index: int) -> None:
        self.memo[index] = self.stack[-1]

    def set_items(self, items: list) -> None:
        self.top(dict).update(pairs_to_dict(zip(items[::2], items[1::2], strict=True)))

    def name(self, name: str) -> None:
        if name not in self.names:
            raise Refused(f"it names {printable(name)}, which no network needs")
        self.push(Global(name))

    def stack_name(self) -> None:
        module, name = self.pop_many(2)
        if not is_short(module) or not is_short(name):
            raise TypeError("it names something without a short text")
        self.name(f"{module}.{name}")

    def call(self) -> None:
        """Looks up in the allow-list what a call, or a new object of a class, is to give."""
        callee, arguments = self.pop_many(2)
        if not isinstance(callee, Global) or self.names[callee.name] is None:
            raise Refused(f"it calls {_describe(callee)}, which no network needs")
        if not isinstance(arguments, tuple):
            raise TypeError("it calls without a tuple of arguments")
        self.push(self.names[callee.name](*arguments))

    def build(self) -> None:
        """Gives an object its state."""
        target, state = self.pop_many(2)
        if isinstance(target, Record):
            if not isinstance(state, dict):
                raise TypeError(f"its {target.kind} has no attributes")
            target.state = state
        elif hasattr(target, "set_state"):
            target.set_state(state)
        elif not isinstance(target, dict):  # attributes beside the items of a dict mean nothing here
            raise Refused(f"it changes {_describe(target)}, which no network needs")
        self.push(target)

    def persistent_id(self) -> None:
        if self.persistent is None:
            raise Refused("it holds a persistent id, which no network needs")
        self.push(self.persistent(self.pop()))


def pairs_to_dict(pairs) -> dict:
    return {check_key(key): value for key, value in pairs}


def to_set(items) -> set:
    if not all(map(_is_key, items)):
        raise Refused("it has a set of other things than short texts and numbers, which no network needs")
    return set(items)


def check_key(key: Any) -> Any:
    """A key of a dict.

    Raises:
      Refused: it is something else than a short text or a number.
    """
    if not _is_key(key):
        kind = "a long text or number" if isinstance(key, KEYS) else _describe(key)
        raise Refused(f"it has {kind} as a key, which no network needs")
    return key


def _is_key(value):
    if isinstance(value, str | bytes):
        return len(value) <= MAX_TEXT
    if isinstance(value, int):
        return value.bit_length() <= MAX_INTEGER_BITS
    return isinstance(value, KEYS)


def is_short(value: Any) -> bool:
    """Whether a value out of a pickle is a text of the length of a name."""
    return isinstance(value, str) and len(value) <= MAX_TEXT


def printable(text: str) -> str:
    """A text out of a pickle, as one short line."""
    return ascii(text[:100])[1:-1][:100]


def _describe(value) -> str:
    if isinstance(value, Global):
        return printable(value.name)
    return f"a {value.kind if isinstance(value, Record) else type(value).__name__}"


# The instructions of the protocols from 2 on, where no other stands for them.
CONSTANTS = {
    *("BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT", "BINSTRING", "SHORT_BINSTRING"),
    *("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
    *("SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}

INSTRUCTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": lambda machine, _: None,
    "FRAME": lambda machine, _: None,
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    # The stack and the memo.
    "MARK": lambda machine, _: machine.marks.append(len(machine.stack)),
    "POP": lambda machine, _: machine.pop(),
    "POP_MARK": lambda machine, _: machine.pop_mark(),
    "MEMOIZE": lambda machine, _: machine.put(len(machine.memo)),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT"), lambda machine, index: machine.put(index)),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), lambda machine, index: machine.push(machine.memo[index])),
    # Containers.
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "TUPLE1": lambda machine, _: machine.push(tuple(machine.pop_many(1))),
    "TUPLE2": lambda machine, _: machine.push(tuple(machine.pop_many(2))),
    "TUPLE3": lambda machine, _: machine.push(tuple(machine.pop_many(3))),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.pop_mark())),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "APPEND": lambda machine, _: _append(machine, machine.pop_many(1)),
    "APPENDS": lambda machine, _: _append(machine, machine.pop_mark()),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "SETITEM": lambda machine, _: machine.set_items(machine.pop_many(2)),
    "SETITEMS": lambda machine, _: machine.set_items(machine.pop_mark()),
    "EMPTY_SET": lambda machine, _: machine.push(set()),
    "ADDITEMS": lambda machine, _: _add(machine, machine.pop_mark()),
    "FROZENSET": lambda machine, _: machine.push(frozenset(to_set(machine.pop_mark()))),
    # Names, calls and objects.
    "GLOBAL": lambda machine, name: machine.name(name.replace(" ", ".", 1)),
    "STACK_GLOBAL": lambda machine, _: machine.stack_name(),
    **dict.fromkeys(("REDUCE", "NEWOBJ"), lambda machine, _: machine.call()),
    "BUILD": lambda machine, _: machine.build(),
    "BINPERSID": lambda machine, _: machine.persistent_id(),
}


def _append(machine, items):
    machine.top(list).extend(items)


def _add(machine, items):
    machine.top(set).update(to_set(items))
