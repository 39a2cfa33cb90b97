"""Captions: SubRip (`.srt`) and WebVTT (`.vtt`), distinguished by WebVTT's first line."""

import html
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.text import read_text

EXPECTED = "expected times as 00:00:01,000 --> 00:00:02,500"
_TIME = r"(?:(\d{1,4}):)?([0-5]?\d):([0-5]\d)[,.](\d{3})"
_TIMES = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s.*)?", re.ASCII)  # behind them WebVTT says where to stand
_COMMENTS = re.compile(r"(NOTE|STYLE|REGION)(\s.*)?")
_TAGS = re.compile(r"</?[A-Za-z][^<>]*>|</>|<[\d:.]+>|\{\\[^}]*\}")
_CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]+")


class Caption(NamedTuple):
    """Words that are shown from `onset` to before `end` [s]; lines are separated by `\\n`."""

    onset: float
    end: float
    text: str


def read_captions(path: str | os.PathLike) -> list[Caption]:
    """Read captions; places, styles and speakers that the file gives are left out.

    Args:
        path: SubRip or WebVTT file in UTF-8.

    Returns:
        Captions in order of time; they may overlap. Those without words are left out.

    Raises:
        InputError: what is no caption, with its line; or none at all.
    """
    text = read_text(Path(path))
    is_vtt = re.match(r"WEBVTT(\s|$)", text) is not None
    blocks = list(_blocks(text))
    if is_vtt:
        number, head = blocks.pop(0)
        for place, line in enumerate(head, start=number):
            if "-->" in line:
                raise InputError(f"{path}:{place}: has times in the head; put an empty line before the first caption")
    captions = [caption for number, lines in blocks for caption in _caption(path, number, lines, is_vtt)]
    if not captions:
        raise InputError(f"{path}: holds no caption; is it SubRip (.srt) or WebVTT (.vtt)?")
    return sorted(captions, key=lambda caption: (caption.onset, caption.end))


def _blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    """Lines that follow each other without an empty one between, with the number of the first."""
    lines: list[str] = []
    for number, line in enumerate([*text.split("\n"), ""], start=1):
        if line.strip():
            lines.append(line)
        elif lines:
            yield number - len(lines), lines
            lines = []


def _caption(path: str | os.PathLike, number: int, lines: list[str], comments: bool) -> list[Caption]:
    """One caption, or none where a block has no words or (in WebVTT) is a comment."""
    if comments and _COMMENTS.fullmatch(lines[0]):
        return []
    if "-->" not in lines[0]:  # its number or name
        number, lines = number + 1, lines[1:]
    times = _TIMES.fullmatch(lines[0]) if lines else None
    if times is None:
        found = repr(lines[0].strip()[:40]) if lines else "nothing"
        raise InputError(f"{path}:{number}: is no caption: {EXPECTED}, found {found}")
    inner = next((k for k, line in enumerate(lines[1:], start=1) if "-->" in line), None)
    if inner is not None:
        raise InputError(f"{path}:{number + inner}: has times within a caption; put an empty line before the next one")
    onset, end = _seconds(times.groups()[:4]), _seconds(times.groups()[4:])
    if end <= onset:
        raise InputError(f"{path}:{number}: caption ends at {end:g} s, not after its start {onset:g} s")
    plain = (html.unescape(_TAGS.sub("", line)) for line in lines[1:])
    text = "\n".join(filter(None, (_CONTROLS.sub(" ", line.replace("\n", " ")).strip() for line in plain)))
    return [Caption(onset, end, text)] if text else []


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, thousandths = (int(part or 0) for part in parts)
    return 3600 * hours + 60 * minutes + seconds + thousandths / 1000
