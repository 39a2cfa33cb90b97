"""Settings of a generated data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sedtalker_cli.data.talking_heads.layouts import EXPRESSIONS, OWN_EXPRESSIONS
from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.errors import UsageError

if TYPE_CHECKING:
    from sedtalker_cli.face.head import Head

# emotion -> the layout's word and number
WORDS = {emotion: (word, number) for word, (emotion, number) in (EXPRESSIONS | OWN_EXPRESSIONS).items()}
MIXTURES = {"upset": {"sad": 0.5, "angry": 0.5}}  # emotions that the face knows as a mixture of its own
OFFERED = tuple(emotion for emotion in WORDS if emotion in EMOTIONS or emotion in MIXTURES)
CURVES = ("csv", "npy")  # formats of coefficients: Live Link Face, (T, 52)
LEAD, TAIL = 0.4, 0.3  # s by which the emotion comes before speech and stays after it


@dataclass(frozen=True)
class Recipe:
    """What is made.

    Attributes:
        speech: folders of NAME.wav beside NAME.csv.
        out: the data set; must not exist yet, or be empty.
        identities: specs of the shipped head's faces; recordings are dealt to them in turn. Empty: all built-in ones.
        head: instead of the shipped head and its identities.
        emotions: of `OFFERED`; neutral is made once, the others at three intensities.
        fps: frames a second of the files.
        limit: at most so many recordings, 0 for all.
        curves: `csv` (Live Link Face) and `npy` (T, 52) to write beside.
        idle: whether faces blink, look about and drift.
        licence: of the speech, in words.
        seed: of everything that is drawn.

    Raises:
        UsageError: the settings do not go together, or a format of curves is unknown.
    """

    speech: tuple[Path, ...]
    out: Path
    identities: tuple[str, ...] = ()
    head: Head | None = None
    emotions: tuple[str, ...] = OFFERED
    fps: int = 60
    limit: int = 0
    curves: tuple[str, ...] = ()
    idle: bool = True
    licence: str = ""
    seed: int = 0

    def __post_init__(self) -> None:
        check_face(self.head, self.identities)
        unknown = next((name for name in self.curves if name not in CURVES), None)
        if unknown:
            raise UsageError(f"--curves {unknown}: give {', '.join(CURVES)}, or both")


def check_face(head: object, identities: Sequence[str]) -> None:
    """Find out, before a head is read, whether there may be identities beside it.

    Raises:
        UsageError: there may not.
    """
    if head is not None and identities:
        raise UsageError("--identity is for the built-in head; leave it out with --head")


@dataclass(frozen=True)
class Sentence:
    """A recording that a subject speaks: `subject_sentenceNN`."""

    table: Path
    sound: Path
    subject: str
    number: int

    @property
    def name(self) -> str:
        return f"{self.subject}_sentence{self.number:02d}"
