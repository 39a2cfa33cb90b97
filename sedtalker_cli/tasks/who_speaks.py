"""Whose turns are whose: `--speakers` and `--speaker`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sedtalker_cli.batch.inputs import Job
from sedtalker_cli.emotion.speakers import SpeakerTurn
from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.formats.checksum import file_checksum
from sedtalker_cli.formats.speaker_rttm import read_speaker_rttm, turns_of


@dataclass(frozen=True)
class WhoSpeaks:
    """Turns of speakers for all inputs of a batch, from one file.

    Attributes:
        path: RTTM of who speaks; None where that is not known.
        speaker: the one that is wanted, None for all.
        strict: whether a line that cannot be used is an error.
    """

    path: Path | None = None
    speaker: str | None = None
    strict: bool = False

    def check(self, adapt: bool) -> None:
        """Find what is wrong with the options before any work.

        Raises:
            UsageError: the options do not go together, or the file cannot be used.
        """
        if self.path is None:
            if self.speaker is not None:
                raise UsageError("--speaker needs --speakers: an RTTM file of who speaks when")
            return
        if adapt:
            raise UsageError("--adapt takes a folder as one person, --speakers tells persons apart; give one of them")
        try:
            found = {turn.speaker for turns in self.recordings.values() for turn in turns}
        except InputError as error:
            raise UsageError(f"--speakers {error}") from error
        if self.speaker is not None and self.speaker not in found:
            raise UsageError(f"--speaker {self.speaker}: {self.path} knows {', '.join(sorted(found))}")

    @cached_property
    def recordings(self) -> dict[str, list[SpeakerTurn]]:
        """Turns by recording; none without a file."""
        return {} if self.path is None else read_speaker_rttm(self.path, self.strict)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What makes outputs differ."""
        if self.path is None:
            return {}
        return {"speakers": file_checksum(self.path), "speaker": self.speaker}

    def turns(self, job: Job) -> list[SpeakerTurn] | None:
        """Of a job's recording; None where that is not known.

        Raises:
            InputError: the file says nothing of the recording.
        """
        return None if self.path is None else turns_of(self.path, self.recordings, job.source.stem)
