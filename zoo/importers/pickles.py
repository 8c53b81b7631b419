"""Reads network pickles as data: nothing that a pickle names is imported, and nothing in it is called.

A pickle is a program for a stack machine, which may import and call whatever it names. Here the program
runs on a machine that does not import names. A call returns a plain value, computed by the function that an
allowlist has for the name. Any other name is refused, as is an instruction that no network needs. See the
documentation of Python's `pickletools` for the instructions.
"""

import io
import pickletools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Names = Mapping[str, Callable[..., Any] | None]

# The allowed types of dict keys and set elements. Hashing nested tuples could exhaust the stack; larger
# integers could all have one hash, and comparing long strings takes time.
KEYS = (str, bytes, int, float, bool, type(None))
MAX_INTEGER_BITS = 60
MAX_TEXT = 1_000


class Refused(ValueError):
    """The pickle contains something that is not allowed."""


class Global:
    """A class or function that a pickle names: its dotted name, never the thing itself."""

    def __init__(self, name: str):
        self.name = name


class Record:
    """An object of a class that is known by name alone, and its attributes."""

    def __init__(self, kind: str, state: dict | None = None):
        self.kind, self.state = kind, state


class Budget:
    """The steps and the bytes read or copied that a file of some size may cost.

    It is charged before the work is done: since parts of a pickle may be shared, a small file can expand to
    any size.
    """

    MAX_STEPS = 1_000_000  # official files need less than 200,000

    def __init__(self, size: int):
        # A byte may be copied from an archive in the pickle, from a storage in it, and become two of float32.
        self.steps, self.bytes = self.MAX_STEPS, 4 * size + 1_000_000

    def spend(self, steps: int = 0, copied: int = 0) -> None:
        """Charges steps and copied bytes.

        Raises:
          Refused: the budget is exceeded.
        """
        self.steps -= steps
        self.bytes -= copied
        if self.steps < 0 or self.bytes < 0:
            raise Refused("it needs more steps or memory than a network of its size")


def read(
    stream: io.BytesIO,
    names: Names,
    budget: Budget,
    persistent: Callable[[Any], Any] | None = None,
) -> Any:
    """Reads the pickle at the stream's position, and moves the position to the end of the pickle.

    Args:
      stream: the pickle.
      names: for each allowed dotted name, a function from the arguments of a call to its result; None: the
        name may be an argument, but must not be called.
      budget: bounds the work; the pickles of a file share it.
      persistent: a function from persistent ids to their values. Without it, such ids are refused.

    Raises:
      Refused: a name is not in `names`, or no network needs an instruction.
      Exception: of many types, if the pickle is damaged.

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

    def __init__(self, names: Names, budget: Budget, persistent: Callable[[Any], Any] | None):
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
            raise Refused(f"it contains the instruction {name}, which no network needs")

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self) -> Any:
        if self.marks and len(self.stack) <= self.marks[-1]:
            raise IndexError("its stack is empty")
        return self.stack.pop()

    def pop_many(self, count: int) -> list:
        return [self.pop() for _ in range(count)][::-1]

    def pop_mark(self) -> list:
        """Pops all values above the last mark."""
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def top(self, kind: type) -> Any:
        if not isinstance(self.stack[-1], kind):
            raise TypeError(f"it adds items to something that is not a {kind.__name__}")
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
            raise TypeError("it uses a name that is not a short string")
        self.name(f"{module}.{name}")

    def call(self) -> None:
        """Calls the function that the allowlist has for a function or class."""
        callee, arguments = self.pop_many(2)
        function = self.names[callee.name] if isinstance(callee, Global) else None
        if function is None:
            raise Refused(f"it calls {_describe(callee)}, which no network needs")
        if not isinstance(arguments, tuple):
            raise TypeError("it calls without a tuple of arguments")
        self.push(function(*arguments))

    def build(self) -> None:
        """Sets an object's state."""
        target, state = self.pop_many(2)
        if isinstance(target, Record):
            if not isinstance(state, dict):
                raise TypeError(f"its {target.kind} has no attributes")
            target.state = state
        elif hasattr(target, "set_state"):
            target.set_state(state)
        elif not isinstance(target, dict):  # attributes of a dict are ignored
            raise Refused(f"it changes {_describe(target)}, which no network needs")
        self.push(target)

    def persistent_id(self) -> None:
        if self.persistent is None:
            raise Refused("it contains a persistent id, which no network needs")
        self.push(self.persistent(self.pop()))


def pairs_to_dict(pairs: Iterable[tuple[Any, Any]]) -> dict:
    return {check_key(key): value for key, value in pairs}


def to_set(items: Iterable[Any]) -> set:
    if not all(map(_is_key, items)):
        raise Refused("it contains a set of more than short strings and numbers, which no network needs")
    return set(items)


def check_key(key: Any) -> Any:
    """Returns the key of a dict, checked.

    Raises:
      Refused: it is not a short string or a number.
    """
    if not _is_key(key):
        kind = "a long string or number" if isinstance(key, KEYS) else _describe(key)
        raise Refused(f"it uses {kind} as a key, which no network needs")
    return key


def _is_key(value: Any) -> bool:
    if isinstance(value, str | bytes):
        return len(value) <= MAX_TEXT
    if isinstance(value, int):
        return value.bit_length() <= MAX_INTEGER_BITS
    return isinstance(value, KEYS)


def is_short(value: Any) -> bool:
    """Returns whether a value in a pickle is a string short enough for a name."""
    return isinstance(value, str) and len(value) <= MAX_TEXT


def printable(text: str) -> str:
    """Returns a string in a pickle as one short line of ASCII."""
    return ascii(text[:100])[1:-1][:100]


def _describe(value: Any) -> str:
    if isinstance(value, Global):
        return printable(value.name)
    return f"a {value.kind if isinstance(value, Record) else type(value).__name__}"


# The instructions of protocol 2 and later, without those that these protocols no longer write.
CONSTANTS = {
    *("BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT", "BINSTRING", "SHORT_BINSTRING"),
    *("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
    *("SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}

INSTRUCTIONS: dict[str, Callable[[_Machine, Any], object]] = {
    "PROTO": lambda machine, _: None,
    "FRAME": lambda machine, _: None,
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    # Stack and memo.
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


def _append(machine: _Machine, items: list) -> None:
    machine.top(list).extend(items)


def _add(machine: _Machine, items: list) -> None:
    machine.top(set).update(to_set(items))
