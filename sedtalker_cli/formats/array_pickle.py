"""Pickles that hold nothing but numpy arrays, as the field's data sets ship their templates and masks.

A pickle is a program. This reader runs it with a handful of names that build arrays, and refuses every other one, so
that a file from anywhere can be opened.
"""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.atomic import atomic_file

# numpy 1 and python 2 write `numpy.core`, numpy 2 writes `numpy._core`; files say which of the two wrote them by this.
_CORE, _OLD_CORE = "numpy._core.multiarray", "numpy.core.multiarray"


class _Refused(Exception):
    """The pickle asks for something that is no array."""


def _latin_1(text: str, encoding: str = "latin1") -> bytes:
    """The bytes of an array as Python 3 writes them for Python 2."""
    if encoding not in ("latin1", "latin-1"):
        raise _Refused(f"_codecs.encode to {encoding}")
    return text.encode("latin-1")


def _allowed() -> dict[tuple[str, str], Any]:
    """(module, name) in the file -> what it stands for; numpy's own helpers are asked from numpy's own pickles."""
    array = np.zeros(1)
    reconstruct, frombuffer = array.__reduce__()[0], array.__reduce_ex__(5)[0]
    scalar = array[0].__reduce__()[0]
    names: dict[tuple[str, str], Any] = {("_codecs", "encode"): _latin_1}
    names |= {("numpy", "ndarray"): np.ndarray, ("numpy", "dtype"): np.dtype}
    for core in ("numpy.core", "numpy._core"):
        names[f"{core}.multiarray", "_reconstruct"] = reconstruct
        names[f"{core}.multiarray", "scalar"] = scalar
        names[f"{core}.numeric", "_frombuffer"] = frombuffer
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
            content = _ArrayUnpickler(file).load()
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
            array = np.asarray(value)
        except ValueError:
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
