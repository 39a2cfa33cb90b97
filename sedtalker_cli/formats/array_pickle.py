"""Pickles that hold nothing but numpy arrays, as the field's data sets ship their templates and masks.

A pickle is a program. This reader runs it with a handful of names that build arrays, for which it has stand-ins of its
own, and refuses every other one, so that a file from anywhere can be opened.
"""

from __future__ import annotations

import io
import os
import pickle
import pickletools
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.atomic import atomic_file

# numpy 1 and python 2 write `numpy.core`, numpy 2 writes `numpy._core`; files say which of the two wrote them by this.
_CORE, _OLD_CORE = "numpy._core.multiarray", "numpy.core.multiarray"


DEEPEST = 32  # dimensions of a list of lists


class _Refused(Exception):
    """The pickle asks for something that is no array."""


class _Expands(Exception):
    """The pickle would take much more memory than its file."""


def _check_declared(file: BinaryIO) -> None:
    """Look through the steps of a pickle for sizes and places in memory that its file does not have.

    Python's reader makes room for what is declared before it finds out that it is not there.

    Args:
        file: at its start, where it is put again.
    """
    size = os.fstat(file.fileno()).st_size
    for name, value in _steps(file):
        if name in ("PUT", "BINPUT", "LONG_BINPUT") and value > size:
            raise _Expands(f"{value} places in memory")
    file.seek(0)


def _steps(file: BinaryIO) -> Iterator[tuple[str, Any]]:
    """Names of a pickle's steps and what they are given; as `pickletools.genops`, which takes no bytes of Python 2."""
    name = ""
    while name != "STOP":
        step = pickletools.code2op[file.read(1).decode("latin-1")]
        name = step.name
        if name == "STRING":
            yield name, file.readline()
        else:
            yield name, step.arg.reader(file) if step.arg else None


def _check_numbers(content: object, size: int) -> None:
    """Count the numbers of all lists, those that stand in several of them as often; each takes a byte in the file.

    What is no number is counted at its length: numpy would make all texts of a list as long as the longest one.
    """
    counts: dict[int, int] = {}

    def count(value: object, depth: int = 0) -> int:
        if isinstance(value, np.ndarray):
            return value.size
        if not isinstance(value, list | tuple):
            return size + 1 if depth and isinstance(value, str | bytes | bytearray) else 1
        if depth > DEEPEST:
            raise _Expands("lists within themselves")
        if id(value) not in counts:
            counts[id(value)] = sum(count(item, depth + 1) for item in value)
        return counts[id(value)]

    for value in content.values() if isinstance(content, dict) else ():
        if count(value) > size:
            raise _Expands(f"{count(value)} numbers in a list")


def _latin_1(text: str, encoding: str = "latin1") -> bytes:
    """The bytes of an array as Python 3 writes them for Python 2."""
    if encoding not in ("latin1", "latin-1"):
        raise _Refused(f"_codecs.encode to {encoding}")
    return text.encode("latin-1")


class _Type:
    """Stands for `numpy.dtype`, whose own way to take a pickled state trusts it; knows plain numbers only."""

    def __init__(self, code: str, *_: object):
        if not re.fullmatch(r"[?biuf]\d{0,2}", code):
            raise _Refused(f"values of the type {code}")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple) -> None:
        _, order, *rest = state
        if order not in ("<", ">", "=", "|") or any(part is not None for part in rest[:3]):
            raise _Refused("values of a compound type")
        self.dtype = self.dtype.newbyteorder(order)


class _Array:
    """Stands for an array until its content is known."""

    array: np.ndarray

    def __setstate__(self, state: tuple) -> None:
        _, shape, kind, by_column, data = state
        self.array = _from_bytes(data, kind, shape, "F" if by_column else "C")


def _from_bytes(data: bytes | bytearray | str, kind: _Type, shape: tuple, order: str) -> np.ndarray:
    """Python 2 has its bytes in a text."""
    raw = data.encode("latin-1") if isinstance(data, str) else data
    return np.frombuffer(raw, kind.dtype).reshape(shape, order=order)


def _allowed() -> dict[tuple[str, str], Any]:
    """(module, name) in the file -> what stands for it here."""
    # Functions are wrapped anew for every file, as a pickle can set attributes of those that it is given.
    names: dict[tuple[str, str], Any] = {("_codecs", "encode"): lambda *text: _latin_1(*text)}
    names |= {("numpy", "ndarray"): "ndarray", ("numpy", "dtype"): _Type}
    for core in ("numpy.core", "numpy._core"):
        names[f"{core}.multiarray", "_reconstruct"] = lambda *_: _Array()
        names[f"{core}.multiarray", "scalar"] = lambda kind, data: _from_bytes(data, kind, (), "C")
        names[f"{core}.numeric", "_frombuffer"] = lambda *parts: _from_bytes(*parts)
    return names


class _ArrayUnpickler(pickle.Unpickler):
    """Knows the names of `_allowed`, and no other."""

    def __init__(self, file: io.BufferedIOBase):
        super().__init__(file, fix_imports=False, encoding="latin1")
        self._names = _allowed()

    def find_class(self, module: str, name: str) -> Callable:
        try:
            return self._names[module, name]
        except KeyError:
            raise _Refused(f"{module}.{name}") from None

    def persistent_load(self, pid: Any) -> Any:
        raise _Refused("an object kept elsewhere")


def read_arrays(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Read a pickled dictionary of arrays, by Python 2 or 3; no code in it is run.

    Args:
        path: `.pkl` file; lists of numbers count as arrays.

    Returns:
        Name -> array.

    Raises:
        InputError: missing, damaged, not a dictionary of arrays of numbers, or something else than arrays is in it.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            _check_declared(file)
            content = _ArrayUnpickler(file).load()
            _check_numbers(content, file.tell())
    except _Expands as error:
        raise InputError(
            f"{path}: is refused: it claims {error}, more than a file of this size can hold; save its arrays again"
        ) from None
    except _Refused as refused:
        raise InputError(
            f"{path}: is refused: this pickle holds {refused}, not only arrays, and could run code; "
            "save a plain dictionary of numpy arrays"
        ) from None
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist; check the path") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    except Exception as error:  # damaged bytes make the machine inside stumble in any way
        reason = (str(error).splitlines() or ["damaged"])[0]
        raise InputError(f"{path}: is no pickle of arrays ({type(error).__name__}: {reason})") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds a {type(content).__name__}, not a dictionary of arrays")
    arrays = {}
    for name, value in content.items():
        try:
            array = np.asarray(value.array if isinstance(value, _Array) else value)
        except (ValueError, AttributeError):  # ragged lists; an array without content
            array = np.asarray(None)
        if not isinstance(name, str) or array.dtype.kind not in "biuf":
            raise InputError(f"{path}: {name!r} is no array of numbers ({type(value).__name__})")
        arrays[name] = array
    return arrays


def write_arrays(path: str | os.PathLike, arrays: Mapping[str, np.ndarray]) -> None:
    """Write a pickled dictionary of arrays that any Python 3 and numpy can load; the same arrays make the same bytes.

    Args:
        path: `.pkl` file.
        arrays: name -> array.
    """
    content = {str(name): np.ascontiguousarray(array) for name, array in arrays.items()}
    # Protocol 3 spells names out; numpy before 2 knows the older one only, numpy 2 knows both.
    data = pickle.dumps(content, protocol=3).replace(f"c{_CORE}\n".encode(), f"c{_OLD_CORE}\n".encode(), 1)
    with atomic_file(path) as part:
        part.write_bytes(data)
