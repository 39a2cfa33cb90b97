"""What `evaluate expression` is asked to measure: sets of recordings, and with which models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sedtalker_cli.audio.files import is_sound_name
from sedtalker_cli.batch.inputs import collect_jobs
from sedtalker_cli.errors import UsageError
from sedtalker_cli.progress import Progress, silent

if TYPE_CHECKING:
    from sedtalker_cli.evaluation.expression.scores import ExpressionReport


@dataclass(frozen=True)
class ExpressionRequest:
    """Recordings and how they are animated, as the options name them.

    Attributes:
        inputs: `[NAME=]INPUT` of each: a sound file, folder, pattern or .txt list; those of one name are a set.
        recursive: whether folders are searched to the bottom.
        limit: how many of each set, evenly spaced; 0 takes all.
        intensity, seed, expression: as `scores.evaluate_expression` takes them.
        device, encoder, diarizer, animator: the models.
    """

    inputs: Sequence[str]
    recursive: bool = False
    limit: int = 0
    intensity: float = 1.0
    seed: int = 0
    expression: str = "alive"
    device: str = "auto"
    encoder: str | None = None
    diarizer: Path | None = None
    animator: Path | None = None

    def sets(self) -> dict[str, list[Path]]:
        """Name of a set -> its sound files.

        Raises:
            UsageError: an input that holds no sound.
        """
        found: dict[str, list[Path]] = {}
        for text in self.inputs:
            name, equals, place = text.rpartition("=")
            path = Path(place)
            listed = path if path.suffix.lower() == ".txt" else None
            jobs, bad = collect_jobs(
                [] if listed else [path], accepts=is_sound_name, list_file=listed, recursive=self.recursive
            )
            if bad:
                raise UsageError(bad[0].message)
            found.setdefault(name if equals else "recordings", []).extend(job.source for job in jobs)
        return {name: self._thinned(files) for name, files in found.items()}

    def _thinned(self, files: list[Path]) -> list[Path]:
        count = min(self.limit or len(files), len(files))
        return [files[k * len(files) // count] for k in range(count)]

    def evaluate(self, progress: Progress = silent) -> tuple[ExpressionReport, dict[str, str]]:
        """The report, and what was measured.

        Raises:
            InputError: sounds or models cannot be used.
            UsageError: an input that holds no sound.
        """
        sets = self.sets()
        from sedtalker_cli.evaluation.expression.scores import evaluate_expression
        from sedtalker_cli.pipeline import Pipeline

        pipeline = Pipeline.load(
            device=self.device, encoder=self.encoder, diarizer=self.diarizer, animator=self.animator
        )
        report = evaluate_expression(pipeline, sets, self.intensity, self.seed, self.expression, progress)
        facts = {"intensity": f"{self.intensity:g}", "seed": str(self.seed), "expression": self.expression}
        return report, facts | {f"model: {name}": str(sha) for name, sha in pipeline.models(animate=True).items()}
