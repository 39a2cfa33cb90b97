"""Captions: SubRip (`.srt`) and WebVTT (`.vtt`), distinguished by WebVTT's first line."""

import html
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.skipping import Skipped
from sedtalker_cli.formats.text import read_labels_text

ROLL = 0.05  # s between captions of which one goes on with the words of the other
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


def read_captions(path: str | os.PathLike, strict: bool = False) -> list[Caption]:
    """Read captions; places, styles and speakers that the file gives are left out.

    Args:
        path: SubRip or WebVTT file in UTF-8, UTF-16 or Latin-1.
        strict: whether a caption that cannot be used is an error; otherwise it is left out with a warning.

    Returns:
        Captions in order of time; they may overlap. Those without words are left out.

    Raises:
        InputError: no caption at all, or with `strict`; names the first line that could not be used.
    """
    text = read_labels_text(Path(path))
    is_vtt = re.match(r"WEBVTT(\s|$)", text) is not None
    blocks = list(_blocks(text))
    if is_vtt:
        number, head = blocks[0]
        times = next((k for k, line in enumerate(head) if "-->" in line), None)
        blocks[:1] = [] if times is None else [(number + times, head[times:])]
    captions: list[Caption] = []
    skipped = Skipped(path, strict)
    for number, lines in blocks:
        with skipped.item():
            captions += _caption(path, number, lines, is_vtt)
    skipped.check(captions, "holds no caption; is it SubRip (.srt) or WebVTT (.vtt)?")
    captions.sort(key=lambda caption: (caption.onset, caption.end))
    return _without_rolling(captions) if is_vtt else captions


def _blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    """Lines that belong together, with the number of the first: up to an empty line, or to the next caption's times."""
    lines: list[str] = []
    for number, line in enumerate([*text.split("\n"), ""], start=1):
        if _TIMES.fullmatch(line) and any(_TIMES.fullmatch(other) for other in lines):
            named = [lines.pop()] if lines[-1].strip().isdecimal() else []
            yield number - len(lines) - len(named), lines
            lines = [*named, line]
        elif line.strip() or (line and lines and _TIMES.fullmatch(lines[-1])):  # YouTube's words begin with a space
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
    onset, end = _seconds(times.groups()[:4]), _seconds(times.groups()[4:])
    if end <= onset:
        raise InputError(f"{path}:{number}: caption ends at {end:g} s, not after its start {onset:g} s")
    plain = (html.unescape(_TAGS.sub("", line)) for line in lines[1:])
    text = "\n".join(filter(None, (_CONTROLS.sub(" ", line.replace("\\N", " ")).strip() for line in plain)))
    return [Caption(onset, end, text)] if text else []


def _without_rolling(captions: list[Caption]) -> list[Caption]:
    """Captions that roll as YouTube's do, without the lines that each repeats of the one before."""
    kept: list[Caption] = []
    before, until = [""], -1.0
    for caption in captions:
        lines = caption.text.split("\n")
        rolls = caption.onset <= until + ROLL
        fresh = lines[1:] if rolls and lines[0] == before[-1] else lines
        if fresh:
            kept.append(caption._replace(text="\n".join(fresh)))
        else:  # one line, shown already
            kept[-1] = kept[-1]._replace(end=max(kept[-1].end, caption.end))
        before, until = lines, caption.end
    return kept


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, thousandths = (int(part or 0) for part in parts)
    return (1000 * (3600 * hours + 60 * minutes + seconds) + thousandths) / 1000
