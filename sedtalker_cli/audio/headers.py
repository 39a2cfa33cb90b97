"""What the headers of containers say of their length, where decoders keep silent about it."""

import re
from pathlib import Path

PIPED = 0x7FFF0000  # bytes; programs that write to a pipe put numbers from here on where the length should be
_SPHERE = re.compile(rb"^(sample_count|sample_n_bytes|channel_count) -i (\d+)\s*$", re.MULTILINE)


def bytes_named(path: Path) -> tuple[int, int]:
    """How much of a file its header names, and how much there is, in bytes; (0, 0) where the header does not say.

    Knows AVI and its kin (RIFF), Apple's CAF, and NIST SPHERE.
    """
    there = path.stat().st_size
    with open(path, "rb") as file:
        head = file.read(1024)
        if head[:4] == b"RIFF":
            return int.from_bytes(head[4:8], "little") + 8, there
        if head[:4] == b"caff":
            place = 8
            while len(chunk := _at(file, place, 12)) == 12 and chunk[:4] != b"data":
                place += 12 + int.from_bytes(chunk[4:], "big")
            size = int.from_bytes(chunk[4:], "big", signed=True)
            return (place + 12 + size, there) if chunk[:4] == b"data" and size > 0 else (0, 0)
        if head[:7] == b"NIST_1A":
            facts = {name: int(value) for name, value in _SPHERE.findall(head)}
            start = int(head[8:16]) if head[8:16].strip().isdigit() else len(head)
            width = facts.get(b"sample_n_bytes", 0) * facts.get(b"channel_count", 1)
            return facts.get(b"sample_count", 0) * width, max(0, there - start)
    return 0, 0


def _at(file, place: int, count: int) -> bytes:
    file.seek(place)
    return file.read(count)
