"""Freed memory goes back to the system."""

import os
import sys
from pathlib import Path

import pytest

from sedtalker_cli.model.memory import give_back


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(sys.platform != "linux", reason="allocators of other systems decide themselves")
def test_what_lies_free_between_pieces_in_use_is_given_back():
    pieces = [bytes(os.urandom(1)) * 60_000 for _ in range(2000)]
    kept = pieces[::100]
    del pieces
    before = resident()
    give_back()
    assert before - resident() > 50_000_000
    assert len(kept) == 20


def test_other_c_libraries_are_left_alone(monkeypatch):
    monkeypatch.setattr("sedtalker_cli.model.memory.ctypes.CDLL", lambda name: object())
    give_back()
