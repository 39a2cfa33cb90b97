"""Order of loading native libraries that cannot stand each other."""

import ctypes
import importlib.util
import os
from functools import cache
from pathlib import Path


@cache
def load_triton_first() -> None:
    """Load Triton's library, if PyTorch brought it, before software OpenGL is opened.

    Both hold an LLVM. Mesa makes the symbols of its own visible to all libraries that come later, and Triton's, which
    transformers lets PyTorch import, then crashes while it is loaded. The other way round both work.
    """
    try:
        found = importlib.util.find_spec("triton")
    except (ImportError, ValueError):
        return
    for folder in (found.submodule_search_locations or []) if found else []:
        library = Path(folder) / "_C" / "libtriton.so"
        if library.is_file():
            try:
                ctypes.CDLL(os.fspath(library))
            except OSError:  # not loadable: then it cannot do harm later either
                return
