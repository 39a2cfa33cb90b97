"""What `diarize` does with a recording."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sedtalker_cli.batch.inputs import Job
from sedtalker_cli.model.options import ModelOptions
from sedtalker_cli.outputs.files import describe_timeline, timeline_suffixes, write_timeline
from sedtalker_cli.progress import Progress
from sedtalker_cli.tasks.speech import SpeechTask

__all__ = ["DiarizeTask", "ModelOptions"]


@dataclass
class DiarizeTask(SpeechTask):
    """Timelines.

    Attributes:
        formats, plot: as `outputs.files.write_timeline` takes them.
    """

    formats: tuple[str, ...] = ()
    plot: str | None = None

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings of a job's files."""
        return timeline_suffixes(self.formats, self.plot)

    def work(self, job: Job, stem: Path, progress: Progress) -> dict[str, Any]:
        voice, turns = self.voice(job, progress), self.who.turns(job)
        found = self.pipeline.diarize(job.source, progress, voice, turns)
        timeline = found.timeline
        if self.plot:
            progress("drawing", 0, 1)
        write_timeline(stem, timeline, self.formats, self.plot, job.source, found.speakers)
        return describe_timeline(timeline, found.speakers) | self.report(job, timeline, found.notes)
