"""
Pure rules: Python pickles of plain data, read without ever making or calling anything (Mailman 2 keeps its lists so).

`pickle.load` would run what the file says. Here its instructions (pickletools) are followed by hand for numbers,
texts, lists, tuples and dictionaries alone; every object of a class becomes None, and only keys that are texts or
numbers are kept.
"""

from __future__ import annotations

import codecs
import io
import pickletools
from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import Any, Final

from cgbot.errors import Malformed

_MARK: Final = object()
_OPCODES: Final = MappingProxyType({one.code: one for one in pickletools.opcodes})
_MOST_DEEP: Final = 1_000_000  # values that may wait on the stack


class _Machine:
    """The stack and the memory that the instructions work on."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memory: dict[int, Any] = {}

    def to_mark(self) -> list[Any]:
        """Take what lies above the last mark, and the mark."""
        place = len(self.stack) - 1
        while self.stack[place] is not _MARK:
            place -= 1
            if place < 0:
                raise IndexError(place)
        items = self.stack[place + 1 :]
        del self.stack[place:]
        return items

    def take(self, count: int) -> list[Any]:
        """Take the uppermost values."""
        if len(self.stack) < count:
            raise IndexError(count)
        items = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return items

    def extend(self, items: list[Any]) -> None:
        """Put items into the list below them."""
        if isinstance(self.stack[-1], list):
            self.stack[-1].extend(items)

    def update(self, items: list[Any]) -> None:
        """Put keys and values into the dictionary below them."""
        if isinstance(self.stack[-1], dict):
            self.stack[-1].update(_pairs(items))


def _pairs(items: list[Any]) -> dict[Any, Any]:
    # Hashing anything deeper could exhaust the stack of the processor.
    pairs = zip(items[::2], items[1::2], strict=True)
    return {key: value for key, value in pairs if isinstance(key, str | int | float)}


def _forget(count: int) -> Callable[[_Machine, Any], None]:
    """Whatever would make an object: its parts go, None stands in its place."""

    def run(machine: _Machine, _: Any) -> None:
        machine.take(count)
        machine.stack.append(None)

    return run


def _forget_to_mark(machine: _Machine, _: Any) -> None:
    machine.to_mark()
    machine.stack.append(None)


def _push(machine: _Machine, value: Any) -> None:
    machine.stack.append(value)


def _put(machine: _Machine, place: Any) -> None:
    machine.memory[len(machine.memory) if place is None else int(place)] = machine.stack[-1]


_LITERALS: Final = (
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING",
    "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES",
)  # fmt: skip
_RUN: Final = MappingProxyType[str, Callable[[_Machine, Any], Any]](
    {
        **dict.fromkeys(_LITERALS, _push),
        **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _put),
        **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), lambda m, place: m.stack.append(m.memory[int(place)])),
        **dict.fromkeys(("PROTO", "FRAME", "STOP"), lambda _m, _: None),
        **dict.fromkeys(("GLOBAL", "PERSID", "EXT1", "EXT2", "EXT4"), _forget(0)),
        **dict.fromkeys(("REDUCE", "NEWOBJ", "STACK_GLOBAL"), _forget(2)),
        **dict.fromkeys(("INST", "OBJ", "FROZENSET"), _forget_to_mark),
        "BINPERSID": _forget(1),
        "EMPTY_SET": _forget(0),
        "ADDITEMS": lambda m, _: m.to_mark(),
        "BUILD": lambda m, _: m.take(1),
        "MARK": lambda m, _: m.stack.append(_MARK),
        "NONE": lambda m, _: m.stack.append(None),
        "NEWTRUE": lambda m, _: m.stack.append(True),
        "NEWFALSE": lambda m, _: m.stack.append(False),
        "EMPTY_DICT": lambda m, _: m.stack.append({}),
        "EMPTY_LIST": lambda m, _: m.stack.append([]),
        "EMPTY_TUPLE": lambda m, _: m.stack.append(()),
        "DICT": lambda m, _: m.stack.append(_pairs(m.to_mark())),
        "LIST": lambda m, _: m.stack.append(m.to_mark()),
        "TUPLE": lambda m, _: m.stack.append(tuple(m.to_mark())),
        "TUPLE1": lambda m, _: m.stack.append(tuple(m.take(1))),
        "TUPLE2": lambda m, _: m.stack.append(tuple(m.take(2))),
        "TUPLE3": lambda m, _: m.stack.append(tuple(m.take(3))),
        "APPEND": lambda m, _: m.extend(m.take(1)),
        "APPENDS": lambda m, _: m.extend(m.to_mark()),
        "SETITEM": lambda m, _: m.update(m.take(2)),
        "SETITEMS": lambda m, _: m.update(m.to_mark()),
        "POP": lambda m, _: m.take(1),
        "POP_MARK": lambda m, _: m.to_mark(),
        "DUP": lambda m, _: m.stack.append(m.stack[-1]),
    }
)


def _instructions(stream: io.BytesIO) -> Iterator[tuple[str, Any]]:
    """Each instruction with its argument, as pickletools.genops gives them, which takes no text but ASCII."""
    name = ""
    while name != "STOP":
        opcode = _OPCODES[stream.read(1).decode("latin-1")]
        name = opcode.name
        if name == "STRING":
            quoted = stream.readline().strip()[1:-1]
            yield name, codecs.escape_decode(quoted)[0].decode("latin-1")
        else:
            yield name, opcode.arg.reader(stream) if opcode.arg else None


def plain(data: bytes) -> object:
    """
    The plain data of a pickle; texts of Python 2 as if in ISO 8859-1, objects of classes as None.

    What it gives may refer to itself. Raises Malformed for what is no pickle.
    """
    machine = _Machine()
    try:
        for name, argument in _instructions(io.BytesIO(data)):
            _RUN[name](machine, argument)
            if len(machine.stack) > _MOST_DEEP:
                raise Malformed("the pickle nests too deep")
        return machine.stack[-1]
    except (ValueError, LookupError, TypeError, OverflowError) as error:
        raise Malformed("is not a pickle that can be read") from error
