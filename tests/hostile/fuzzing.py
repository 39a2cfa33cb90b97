"""Strategies for fuzz tests: contents that are random, or almost right.

`SEDTALKER_FUZZ=20 python -m pytest tests/hostile/test_fuzz.py` multiplies the examples for a soak run.
"""

import copy
import json
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from sedtalker_cli.errors import InputError, UsageError

NUMBERS = (
    "nan",
    "-inf",
    "1e400",
    "-1",
    "0",
    "1e308",
    "9" * 25,
    "9" * 5000,
    "1_0",
    "\u00b2",
    "\u0663",
    "0x10",
    "2147483648",
)
WORDS = (
    *NUMBERS,
    "",
    "-",
    '"',
    '""',
    "<",
    "'",
    ",",
    "\t",
    "\n",
    "\r",
    "\0",
    "\u2028",
    "\ufeff",
    "$x$",
    "../../etc/passwd",
)
VALUES = (
    *(None, True, -1, 0, 1, 2**31, 10**30, 10**400, 1e308, -1e-320, float("nan"), float("inf")),
    *("", "x", "../../etc/passwd", "/dev/zero", "a\0b", "\ud800", "x" * 5000, [], {}, [[[]]], {"a": None}, [1, "a"]),
)


def fuzz(examples: int) -> settings:
    """Settings of a fuzz test: a number of examples that `SEDTALKER_FUZZ` multiplies."""
    return settings(
        max_examples=examples * int(os.environ.get("SEDTALKER_FUZZ", "1")),
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


@st.composite
def damaged_bytes(draw: st.DrawFn, content: bytes) -> bytes:
    """`content` cut short, with bits flipped, and pieces overwritten, left out or doubled; or anything else."""
    data = bytearray(content)
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=300))
    for kind in draw(st.lists(st.sampled_from(["flip", "head", "write", "drop", "double", "cut"]), max_size=4)):
        if not data:
            break
        place = draw(st.integers(0, len(data) - 1))
        size = draw(st.integers(1, 16))
        if kind == "flip":
            data[place] ^= 1 << draw(st.integers(0, 7))
        elif kind == "head":
            data[place % min(len(data), 64)] = draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]))
        elif kind == "write":
            data[place : place + 4] = draw(
                st.sampled_from([b"\xff" * 4, b"\0" * 4, b"\xff\xff\xff\x7f", b"\0\0\0\x80"])
            )
        elif kind == "drop":
            del data[place : place + size]
        elif kind == "double":
            data[place:place] = data[place : place + size]
        else:
            del data[place:]
    return bytes(data)


@st.composite
def damaged_text(draw: st.DrawFn, content: str) -> bytes:
    """`content` with some of its fields replaced, lines left out or repeated."""
    pieces = [piece for line in content.splitlines(keepends=True) for piece in _fields(line)]
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(pieces) - 1))
        pieces[place] = draw(st.sampled_from(WORDS) | st.text(max_size=8))
    lines = "".join(pieces).splitlines(keepends=True)
    if lines and draw(st.booleans()):
        place = draw(st.integers(0, len(lines) - 1))
        lines[place : place + 1] = [lines[place]] * draw(st.sampled_from([0, 2, 3]))
    return "".join(lines).encode("utf-8", "replace")


def _fields(line: str) -> list[str]:
    """A line cut between what its separators part."""
    pieces = [""]
    for character in line:
        if character in " ,\t\n=:":
            pieces += [character, ""]
        else:
            pieces[-1] += character
    return [piece for piece in pieces if piece]


@st.composite
def damaged_value(draw: st.DrawFn, content: Any, changes: int = 3) -> Any:
    """A JSON value with some of its parts replaced, removed or renamed."""
    content = copy.deepcopy(content)
    for _ in range(draw(st.integers(1, changes))):
        holder, key = draw(st.sampled_from(list(_places(content)) or [(None, None)]))
        if holder is None or draw(st.integers(0, 30)) == 0:
            return draw(st.sampled_from(VALUES))
        if draw(st.integers(0, 5)) == 0:
            del holder[key]
        else:
            holder[key] = copy.deepcopy(draw(st.sampled_from(VALUES) | st.integers(-300, 300)))
    return content


def damaged_json(content: Any) -> st.SearchStrategy[bytes]:
    """`damaged_value` as a file's content."""
    return damaged_value(content).map(lambda value: json.dumps(value).encode())


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) of a JSON value."""
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


def read_or_refuse(read: Callable[[Path], Any], path: Path) -> Any:
    """What `read` gives, None if it refuses the file as it should; all else is a failure, warnings too."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", DeprecationWarning)  # of libraries; users do not see them
        try:
            return read(path)
        except (InputError, UsageError) as error:
            said = str(error)
            assert said and "\n" not in said.replace(str(path), "")
            return None
