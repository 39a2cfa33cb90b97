"""What corpus readers share: the utterance, the reading of a folder, the account of what was left out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sedtalker_cli.clock import HOP
from sedtalker_cli.errors import InputError

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".opus")

UNIFIED_EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fear", "disgust", "surprise", "bored")
"""Emotions that readers return. Each reader's `labels` maps its corpus's own names to these."""

CLASS_OF_EMOTION = {
    "neutral": "neutral",
    "calm": "neutral",  # RAVDESS made calm as a second baseline, listeners mix it up with neutral
    "bored": "neutral",  # low arousal, no expression on the face: nearest to neutral of the seven
    "happy": "happy",
    "sad": "sad",
    "angry": "angry",
    "fear": "fear",
    "disgust": "disgust",
    "surprise": "surprise",
}
"""Unified emotion -> one of the seven classes of `emotion.timeline.EMOTIONS`."""


@dataclass(frozen=True)
class Utterance:
    """One recording of one speaker with everything its corpus says about it.

    Attributes:
        path: The sound file.
        corpus: Registry name of the corpus.
        speaker: Speaker, unique within the corpus (pair it with `corpus` to compare across corpora).
        emotion: One of `UNIFIED_EMOTIONS`; None where the corpus does not tell one. Such a recording takes no part in
            losses and scores of classes, but may teach intensity.
        any_of: Emotions any of which counts as right, where the corpus leaves it open (a scream); `emotion` is None.
        intensity: How strongly the emotion was to be expressed, 0..1, where the corpus has levels
            (0 for neutral and calm).
        strength: The corpus's own word for that level (`normal`, `strong`, `low`, ...).
        arousal: Mean annotated arousal, mapped from the corpus's scale to 0..1.
        language: ISO 639-1 code.
        gender: `f`, `m` or None.
        text: What is said, or None.
        split: `train`, `val`, `test` or None (see `splits`); never the publisher's own.
        sentence: Identity of the spoken text, for splits without shared texts; None for free speech.
        segments: (start [s], end [s], emotion) where the corpus marks emotions inside the file; the rest
            is neutral.
        sound: Kind of a vocal sound that is no speech (`laughing`, `coughing`, ...); None for speech.
        speech: False for noises of the body (coughs, sneezes), which a speech detector should pass over.
    """

    path: Path
    corpus: str
    speaker: str
    emotion: str | None
    intensity: float | None = None
    strength: str | None = None
    arousal: float | None = None
    language: str | None = None
    gender: str | None = None
    text: str | None = None
    split: str | None = None
    sentence: str | None = None
    segments: tuple[tuple[float, float, str], ...] = ()
    any_of: tuple[str, ...] = ()
    sound: str | None = None
    speech: bool = True

    @property
    def label(self) -> str | None:
        """The emotion as one of the seven classes of `emotion.timeline.EMOTIONS`; None where there is not one."""
        return None if self.emotion is None else CLASS_OF_EMOTION[self.emotion]

    @property
    def accepted(self) -> tuple[str, ...]:
        """Classes that count as right, sorted: the label, several of which any counts, or none if nothing is told."""
        emotions = self.any_of if self.emotion is None else (self.emotion,)
        return tuple(sorted({CLASS_OF_EMOTION[emotion] for emotion in emotions}))

    def parts(self, duration: float) -> list[tuple[float, float, Utterance]]:
        """What is said when: stretches of one emotion that tile the recording.

        Args:
            duration: Of the recording in s; spans marked beyond it are cut.

        Returns:
            (start [s], end [s], the utterance narrowed to that stretch). One stretch, the whole, where the corpus marks
            no spans; otherwise the spans, and neutral between and around them for more than a frame. Where spans
            overlap the earlier one goes on to its end.
        """
        if not self.segments:
            return [(0.0, duration, self)]
        found: list[tuple[float, float, str]] = []
        reached = 0.0
        for start, end, emotion in sorted(self.segments):
            if min(end, duration) <= max(start, reached):
                continue
            if start - reached > HOP:
                found.append((reached, start, "neutral"))
                reached = start
            end = duration if duration - end <= HOP else end
            found.append((reached, end, emotion))
            reached = end
        if reached < duration:
            found.append((reached, duration, "neutral"))
        return [(start, end, replace(self, emotion=emotion, segments=())) for start, end, emotion in found]


@dataclass(frozen=True)
class Skipped:
    """A file that could not be used, and why (one clause for a report)."""

    path: Path
    reason: str


@dataclass(frozen=True)
class CorpusReading(Sequence[Utterance]):
    """The utterances found under a folder; a sequence of them, with the account of the rest.

    Attributes:
        corpus: Registry name.
        root: Folder that was read.
        utterances: In the order of their paths.
        skipped: Misnamed, empty, duplicate or unlisted files.
        dropped: Well-formed recordings whose label has no place among `UNIFIED_EMOTIONS`: label -> count.
    """

    corpus: str
    root: Path
    utterances: tuple[Utterance, ...]
    skipped: tuple[Skipped, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.utterances)

    def __getitem__(self, index):
        return self.utterances[index]

    def __iter__(self) -> Iterator[Utterance]:
        return iter(self.utterances)

    def summary(self) -> str:
        """One line for a log, e.g. `ravdess: 1440 utterances, 24 speakers, 2 skipped, 3 dropped (song 3)`."""
        speakers = len({utterance.speaker for utterance in self.utterances})
        parts = [f"{self.corpus}: {len(self)} utterances", f"{speakers} speakers"]
        if self.skipped:
            parts.append(f"{len(self.skipped)} skipped")
        if self.dropped:
            labels = ", ".join(f"{label} {count}" for label, count in sorted(self.dropped.items()))
            parts.append(f"{sum(self.dropped.values())} dropped ({labels})")
        return ", ".join(parts)


class Misnamed(Exception):
    """Raised by a decoder: the file does not follow the corpus's layout (the message says in what)."""


class Dropped(Exception):
    """Raised by a decoder: the file is in order, but its label (the message) is not used."""


@dataclass(frozen=True)
class CorpusReader:
    """How one corpus is read.

    Attributes:
        name: Registry name.
        layout: An example path below the root, shown when nothing is found.
        labels: Published label -> unified emotion; several of which any counts; an empty tuple for recordings that tell
            no emotion; None for labels that are dropped.
        decode: (path, root, index) -> Utterance; raises `Misnamed` or `Dropped`.
        index: root -> whatever `decode` wants to know from the corpus's tables, read once.
        annotated: False where "neutral" is assumed of read speech, not labelled.
        suffixes: File suffixes that count as recordings.
    """

    name: str
    layout: str
    labels: Mapping[str, str | tuple[str, ...] | None]
    decode: Callable[[Path, Path, Any], Utterance]
    index: Callable[[Path], Any] = lambda root: None
    annotated: bool = True
    suffixes: tuple[str, ...] = AUDIO_SUFFIXES

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes of `emotion.timeline.EMOTIONS` that this corpus can tell, sorted; a loss masks the others."""
        named = [(label,) if isinstance(label, str) else label or () for label in self.labels.values()]
        return tuple(sorted({CLASS_OF_EMOTION[emotion] for emotions in named for emotion in emotions}))

    def read(self, root: str | os.PathLike) -> CorpusReading:
        """Find and decode every recording below `root`; sound itself is not opened.

        Raises:
            InputError: `root` is no folder, a table in it is broken, or it holds no recording of this corpus.
        """
        root = Path(root)
        if not root.is_dir():
            raise InputError(f"{root}: no such folder; give the folder of the corpus {self.name}")
        try:
            index = self.index(root)
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{root}: the tables of corpus {self.name} cannot be read ({error})") from error
        utterances: list[Utterance] = []
        skipped: list[Skipped] = []
        dropped: Counter[str] = Counter()
        seen: dict[tuple, Path] = {}
        for path in recordings(root, self.suffixes):
            try:
                if path.stat().st_size == 0:
                    raise Misnamed("empty file")
                utterance = self.decode(path, root, index)
                # Popular archives hold the corpus twice (a nested copy, or wav beside mp3).
                key = (utterance.speaker, utterance.sentence, path.stem)
                if key in seen:
                    raise Misnamed(f"same recording as {seen[key].relative_to(root)}")
            except Dropped as reason:
                dropped[str(reason)] += 1
            except (Misnamed, OSError) as reason:
                skipped.append(Skipped(path, str(reason)))
            else:
                seen[key] = path
                utterances.append(utterance)
        if not utterances:
            found = f"; first problem: {skipped[0].path.name}: {skipped[0].reason}" if skipped else ""
            raise InputError(f"{root}: no recordings of corpus {self.name} (expected like {self.layout}){found}")
        return CorpusReading(self.name, root, tuple(utterances), tuple(skipped), dict(dropped))

    def emotion_of(self, label: str) -> str:
        """Unified emotion of a published label that stands for exactly one.

        Raises:
            Dropped: The label is known and not used.
            Misnamed: The label is not known.
        """
        (emotion,) = self.emotions_of(label)
        return emotion

    def emotions_of(self, label: str) -> tuple[str, ...]:
        """Unified emotions any of which counts for a published label; none where it tells no emotion.

        Raises:
            Dropped, Misnamed: As in `emotion_of`.
        """
        if label not in self.labels:
            raise Misnamed(f"unknown label {label!r}")
        emotions = self.labels[label]
        if emotions is None:
            raise Dropped(label)
        return (emotions,) if isinstance(emotions, str) else emotions


def recordings(root: Path, suffixes: Sequence[str] = AUDIO_SUFFIXES) -> list[Path]:
    """All sound files below a folder, sorted, without the shadow files that macOS archives leave."""
    found = []
    for folder, folders, names in os.walk(root, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "__MACOSX"]
        found += [
            Path(folder, name)
            for name in names
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in suffixes
        ]
    return sorted(found)


def match(pattern, stem: str):
    """Match a compiled pattern against a whole file stem, or raise `Misnamed`."""
    found = pattern.fullmatch(stem)
    if found is None:
        raise Misnamed("the name does not follow the corpus's scheme")
    return found
