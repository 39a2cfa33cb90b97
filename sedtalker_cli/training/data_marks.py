"""What a run learns from, in a few letters for each source, so that a run that goes on can tell whether it is the same.

Of sound and motion the size and three pieces are looked at, not every byte: corpora have tens of gigabytes, and a
recording that was exchanged, cleaned or encoded again differs in any of its parts.
"""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from sedtalker_cli.data.captures import Capture
from sedtalker_cli.data.coarticulation.generated import find_spoken
from sedtalker_cli.data.corpora import Utterance, read_corpus
from sedtalker_cli.data.talking_heads import TalkingDataset
from sedtalker_cli.training.state import DATA

PIECE = 4096  # bytes at the beginning, in the middle and at the end of a file


def mark_corpora(corpora: Iterable[tuple[str, Path]]) -> dict[str, str]:
    """Marks of corpora: their recordings, and what each corpus says of them; (name, folder) pairs."""
    marks = {}
    for name, folder in corpora:
        reading = read_corpus(name, folder)
        lines = (f"{u.path.relative_to(reading.root)} {mark_recording(u)}" for u in reading)
        marks[f"{DATA} corpus {name}"] = _digest(sorted(lines))
    return marks


def mark_recording(utterance: Utterance) -> str:
    """What is learned from a recording: its sound, and what its corpus says of it."""
    u = utterance
    said = (u.corpus, u.speaker, u.accepted, u.intensity, u.arousal, u.segments, u.sound, u.speech)
    return f"{said} {_mark(u.path)}"


def mark_captures(captures: Sequence[Capture]) -> dict[str, str]:
    """Marks of captured motion by source."""
    found = {}
    for source in dict.fromkeys(c.source for c in captures):
        lines = (
            f"{c.name} {c.split} {c.fps} {_mark(c.audio)} {hashlib.sha256(c.weights.tobytes()).hexdigest()}"
            for c in captures
            if c.source == source
        )
        found[f"{DATA} capture {source}"] = _digest(sorted(lines))
    return found


def mark_phones(folders: Iterable[Path]) -> dict[str, str]:
    """Marks of folders of speech with phone times."""
    return {
        f"{DATA} phones {folder.name}": _digest(
            f"{table.name} {_mark(table)} {_mark(sound)}" for table, sound in find_spoken(folder)
        )
        for folder in folders
    }


def mark_datasets(datasets: Iterable[TalkingDataset]) -> dict[str, str]:
    """Marks of talking-head data sets."""
    found = {}
    for dataset in datasets:
        lines = (
            f"{s.name} {s.split} {s.subject} {s.emotion} {s.intensity} {s.fps} {s.stride} {_mark(s.path)} "
            f"{_mark(s.audio)} {hashlib.sha256(s.template.tobytes()).hexdigest()}"
            for s in dataset.sequences
        )
        found[f"{DATA} dataset {dataset.name}"] = _digest(lines)
    return found


def _mark(path: Path) -> str:
    """Size and pieces of a file; one that is not there has a mark, too: reading it says so, where it is needed."""
    try:
        size = path.stat().st_size
        digest = hashlib.sha256(str(size).encode())
        with open(path, "rb") as file:
            for place in (0, size // 2, max(0, size - PIECE)):
                file.seek(place)
                digest.update(file.read(PIECE))
    except OSError as error:
        return str(error.strerror)
    return digest.hexdigest()


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()[:12]
