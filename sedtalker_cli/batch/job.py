"""One input among perhaps a million: small in memory."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, init=False)
class Job:
    """One input.

    Attributes:
        place: the file, as text.
        called: path of its outputs below the output folder, without suffix, as text.
        speaker: who speaks, where a list says it.
        emotion_override, identity: where a list gives its own; they win over the options of these names.
    """

    place: str
    called: str
    speaker: str | None
    emotion_override: str | None
    identity: str | None

    def __init__(
        self,
        source: str | os.PathLike[str],
        name: str | os.PathLike[str],
        speaker: str | None = None,
        emotion_override: str | None = None,
        identity: str | None = None,
    ):
        values = (os.fspath(source), os.fspath(name), speaker, emotion_override, identity)
        for field, value in zip(self.__slots__, values, strict=True):
            object.__setattr__(self, field, value)

    @property
    def source(self) -> Path:
        """The file."""
        return Path(self.place)

    @property
    def name(self) -> Path:
        """Path of its outputs below the output folder, without suffix."""
        return Path(self.called)


@dataclass(frozen=True)
class BadInput:
    """An input that could not be opened; it counts as failed."""

    source: Path
    message: str
