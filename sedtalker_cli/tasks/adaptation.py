"""Whose recordings belong together, and what they tell of their speaker: `--adapt`."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING

from sedtalker_cli.audio.files import check_file
from sedtalker_cli.batch.inputs import Job
from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.checksum import file_checksum

if TYPE_CHECKING:
    from sedtalker_cli.model.diarizer import Voice
    from sedtalker_cli.progress import Progress


class Adaptation:
    """The speakers of a batch; their recordings are read when they are first asked for, and once.

    Recordings that cannot be read are left out: their own jobs report them.

    Args:
        jobs: the whole batch.
        listen: what one sound file tells of its speaker, see `Pipeline.listen`.
    """

    def __init__(self, jobs: Sequence[Job], listen: Callable[[Path], Voice]):
        self._listen = listen
        self._files: dict[str | Path, set[Path]] = defaultdict(set)
        for job in jobs:
            self._files[speaker_of(job)].add(job.source)
        self._recordings: dict[str | Path, dict[str, Path]] = {}
        self._voices: dict[str | Path, Voice | None] = {}

    def settings(self, job: Job) -> dict[str, str]:
        """What makes the job's outputs differ: one checksum over all recordings of its speaker."""
        checksums = "\n".join(self._recordings_of(speaker_of(job)))
        return {"speaker_recordings": hashlib.sha256(checksums.encode()).hexdigest()}

    def voice(self, job: Job, progress: Progress) -> Voice | None:
        """What is known of the job's speaker, None if nothing is.

        Args:
            job: of the batch.
            progress: called as (stage, done, total).
        """
        speaker = speaker_of(job)
        if speaker not in self._voices:
            heard = []
            recordings = self._recordings_of(speaker).values()
            for done, path in enumerate(recordings):
                progress("knowing the speaker", done, len(recordings))
                try:
                    heard.append(self._listen(path))
                except (InputError, OSError):
                    continue
            self._voices[speaker] = reduce(add, heard) if heard else None
        return self._voices[speaker]

    def _recordings_of(self, speaker: str | Path) -> dict[str, Path]:
        """Files by checksum, in its order: the same sounds sum up to the same voice, whatever they are called."""
        if speaker not in self._recordings:
            found = {}
            for path in sorted(self._files[speaker]):
                try:
                    check_file(path)
                    found[file_checksum(path)] = path
                except (InputError, OSError):
                    continue
            self._recordings[speaker] = dict(sorted(found.items()))
        return self._recordings[speaker]


def speaker_of(job: Job) -> str | Path:
    """The speaker that a list gives, otherwise the folder that the file lies in."""
    return job.speaker or Path(os.path.realpath(job.source.parent))
