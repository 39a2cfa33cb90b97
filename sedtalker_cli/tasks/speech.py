"""What the tasks that listen have in common: models, speakers, and how long a recording will take."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sedtalker_cli.audio.files import header_duration
from sedtalker_cli.batch.inputs import Job
from sedtalker_cli.batch.processing import Task
from sedtalker_cli.batch.threads import sum_in_one_thread
from sedtalker_cli.errors import UsageError
from sedtalker_cli.model.options import ModelOptions
from sedtalker_cli.outputs.summary import summary_row
from sedtalker_cli.progress import Progress
from sedtalker_cli.tasks.adaptation import Adaptation
from sedtalker_cli.tasks.summary import DETAIL
from sedtalker_cli.tasks.who_speaks import WhoSpeaks

if TYPE_CHECKING:
    from sedtalker_cli.emotion.timeline import EmotionTimeline
    from sedtalker_cli.model.diarizer import Voice

LOGGER = logging.getLogger("sedtalker")
BYTES_A_SECOND = 16_000  # of compressed sound and film, where only the file's size tells its length
LEAST_BYTES = 500  # a second of sound takes more: a header that says less is wrong


@dataclass
class SpeechTask(Task):
    """What is common to the tasks that listen.

    Attributes:
        models: which are loaded.
        speakers: all inputs of the whole work (not only of this part) where speakers are adapted to, else none.
        who: who speaks in the inputs, and whose voice is wanted.
        summary: whether every input's details hold its row of the table of the batch.
    """

    models: ModelOptions = field(default_factory=ModelOptions)
    speakers: tuple[Job, ...] = ()
    who: WhoSpeaks = field(default_factory=WhoSpeaks, kw_only=True)
    summary: bool = field(default=False, kw_only=True)

    animates = False

    @property
    def forkable(self) -> bool:
        from sedtalker_cli.model.device import choose_device

        return choose_device(self.models.device) == "cpu"

    @property
    def gpus(self) -> int:
        return int(self.models.device == "cuda")

    def load(self, threads: int = 1) -> None:
        from sedtalker_cli.pipeline import Pipeline

        sum_in_one_thread()
        self.pipeline = Pipeline.load(self.models)
        if self.speakers and not self.pipeline.diarizer.adapts:
            raise UsageError(f"{self.models.diarizer}: does not adapt to speakers; leave --adapt out")
        self.use_threads(threads)
        self.common: dict[str, Any] = {
            "version": self.pipeline.version,
            "models": self.pipeline.models(animate=self.animates),
            "precision": self.pipeline.encoder.precision,
        }
        self.adaptation = Adaptation(self.speakers, self.pipeline.listen) if self.speakers else None

    def use_threads(self, threads: int) -> None:
        if self.pipeline.device == "cpu":
            self.pipeline.encoder.threads = threads

    def settings(self, job: Job) -> dict[str, Any]:
        return {**self.common, **self.who.settings, **(self.adaptation.settings(job) if self.adaptation else {})}

    def voice(self, job: Job, progress: Progress) -> Voice | None:
        """What is known of the job's speaker, where that is wanted."""
        return self.adaptation.voice(job, progress) if self.adaptation else None

    def report(self, job: Job, timeline: EmotionTimeline, notes: Sequence[str]) -> dict[str, Any]:
        """Say what should be known of a job's recording; gives it for its details, with its row of the table."""
        for note in notes:
            LOGGER.warning("%s: %s", job.source, note)
        row = {DETAIL: summary_row(job.source, timeline, notes)} if self.summary else {}
        return {"notes": list(notes), **row}

    def cost(self, job: Job) -> float:
        return header_duration(job.source) or super().cost(job) / BYTES_A_SECOND

    def seconds(self, job: Job) -> float:
        """About how long a recording lasts, no longer than its size allows."""
        return min(self.cost(job), super().cost(job) / LEAST_BYTES)
