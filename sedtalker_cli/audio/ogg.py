"""Ogg files that hold several recordings one after the other, as radio streams and `cat` leave them."""

import io
from pathlib import Path

_MAGIC = b"OggS"
_FIRST, _LAST = 2, 4  # flags of a page that begins or ends a stream (RFC 3533)
_HEADER = 27  # bytes before the table of segments


class Link(io.RawIOBase):
    """A part of a file, as a file of its own that libsndfile reads.

    Args:
        path: of the whole.
        start, stop: in bytes.
    """

    def __init__(self, path: Path, start: int, stop: int):
        self._file, self._start, self._stop = open(path, "rb"), start, stop  # noqa: SIM115
        self._file.seek(start)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        return self._file.readinto(memoryview(buffer)[: max(0, self._stop - self._file.tell())])

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: self._start, io.SEEK_CUR: self._file.tell(), io.SEEK_END: self._stop}[whence]
        return self._file.seek(max(self._start, base + offset)) - self._start

    def tell(self) -> int:
        return self._file.tell() - self._start

    def close(self) -> None:
        self._file.close()
        super().close()


def ogg_links(path: Path) -> tuple[list[tuple[int, int]], bool]:
    """Where the recordings of an Ogg file lie, and whether the last one is complete.

    Args:
        path: any file; one of another format has no links.

    Returns:
        (start, stop) in bytes of every recording; whether the last page ends its stream.
    """
    with open(path, "rb") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        starts: list[int] = []
        place, beginning, complete = 0, False, True
        while place + _HEADER <= size:
            file.seek(place)
            head = file.read(_HEADER)
            if head[:4] != _MAGIC:
                if not starts:
                    return [], True
                place = _next_page(file, place)
                continue
            if head[5] & _FIRST and not beginning:
                starts.append(place)
            beginning, complete = bool(head[5] & _FIRST), bool(head[5] & _LAST)
            place += _HEADER + head[26] + sum(file.read(head[26]))
        stops = [*starts[1:], size][: len(starts)]
        return list(zip(starts, stops, strict=True)), complete and place == size


def _next_page(file: io.BufferedReader, place: int) -> int:
    """Start of the next page after damage, the end of the file if there is none."""
    file.seek(place + 1)
    before = b""
    while block := file.read(1 << 16):
        found = (before + block).find(_MAGIC)
        if found >= 0:
            return file.tell() - len(block) - len(before) + found
        before = block[-3:]
    return file.tell()
