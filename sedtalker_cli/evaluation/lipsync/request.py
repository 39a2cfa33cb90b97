"""What `evaluate lipsync` is asked to score: an animator, or motions on disk, against captured motion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sedtalker_cli.data.capture_sources import READERS, parse_capture
from sedtalker_cli.errors import UsageError
from sedtalker_cli.evaluation.lipsync.files import evaluate_folder
from sedtalker_cli.progress import Progress, silent

if TYPE_CHECKING:
    from sedtalker_cli.evaluation.lipsync.animator import LipsyncReport


@dataclass(frozen=True)
class LipsyncRequest:
    """Captures and what is scored on them, as the options name them.

    Attributes:
        captures: `SOURCE=PATH` of each.
        split: part of the captures.
        predictions: folder of motions; None scores a model.
        encoder, animator: models instead of the bundled ones.
        device: auto, cpu or cuda.

    Raises:
        UsageError: the options do not go together.
    """

    captures: Sequence[str]
    split: str = "test"
    predictions: Path | None = None
    encoder: str | None = None
    animator: Path | None = None
    device: str = "auto"

    def __post_init__(self) -> None:
        if self.predictions is not None and (self.animator or self.encoder):
            given = "--animator" if self.animator else "--encoder"
            raise UsageError(f"--predictions scores files, {given} belongs to a model; give one of them")

    def evaluate(self, progress: Progress = silent) -> tuple[LipsyncReport, dict[str, str]]:
        """The report, and what was compared.

        Raises:
            InputError: captures, motions or models cannot be used.
            UsageError: a capture's source is unknown.
        """
        sources = list(map(parse_capture, self.captures))
        facts = {f"capture: {name}": str(path) for name, path in sources}
        captures = [c for name, path in sources for c in READERS[name](path)]
        if self.predictions is not None:
            report = evaluate_folder(captures, self.split, self.predictions)
            return report, facts | {"predictions": str(self.predictions)}
        from sedtalker_cli.evaluation.lipsync.animator import evaluate_lipsync
        from sedtalker_cli.face.head import load_head
        from sedtalker_cli.pipeline import Pipeline

        pipeline = Pipeline.load(device=self.device, encoder=self.encoder, animator=self.animator)
        report = evaluate_lipsync(pipeline.encoder, pipeline.animator, captures, self.split, load_head(), progress)
        models = pipeline.models(animate=True)
        return report, facts | {f"model: {name}": str(models[name]) for name in ("encoder", "animator")}
