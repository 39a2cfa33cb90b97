"""What `evaluate animation` is asked to score: predictions or a model, against a data set or reference files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sedtalker_cli.data.corpora.splits import SPLITS
from sedtalker_cli.data.talking_heads import TalkingDataset, parse_dataset, read_regions
from sedtalker_cli.errors import UsageError
from sedtalker_cli.evaluation.animation.files import dataset_pairs, folder_pairs
from sedtalker_cli.evaluation.animation.pairs import Pair, masks_of, pair_of, sequences_of
from sedtalker_cli.evaluation.metrics.animation import Masks
from sedtalker_cli.progress import Progress, silent

if TYPE_CHECKING:
    from sedtalker_cli.evaluation.animation.predictor import SequencePredictor


@dataclass(frozen=True)
class AnimationRequest:
    """Predictions and references as the options name them.

    Attributes:
        dataset: `NAME=PATH` of the references, or None.
        reference: folder of reference motions, or None.
        predictions: folder of predicted motions; with `model` a new one to write them to.
        model: checkpoint of a vertex animator that predicts, or None.
        encoder: of the model, instead of the one that its checkpoint names.
        split: part of the data set.
        regions: folder of vertex regions, instead of those beside the references.
        templates: faces at rest of reference files.
        fps: frames a second of reference files without a sidecar.
        device: auto, cpu or cuda.

    Raises:
        UsageError: the options do not go together.
    """

    dataset: str | None = None
    reference: Path | None = None
    predictions: Path | None = None
    model: Path | None = None
    encoder: str | None = None
    split: str = "test"
    regions: Path | None = None
    templates: Path | None = None
    fps: float | None = None
    device: str = "auto"

    def __post_init__(self) -> None:
        if (self.dataset is None) == (self.reference is None):
            raise UsageError("references come from one side: give --dataset NAME=PATH or --reference DIR")
        given = (("--templates", self.templates), ("--fps", self.fps))
        wrong = next((name for name, value in given if value is not None and self.dataset), None)
        if wrong:
            raise UsageError(f"{wrong} belongs to --reference; a data set brings its own (rates: NAME@FPS=PATH)")
        if self.encoder and not self.model:
            raise UsageError("--encoder belongs to --model; leave it out")
        if self.model and not self.dataset:
            raise UsageError("--model predicts the recordings of a data set: give --dataset NAME=PATH")
        if self.predictions is None and self.model is None:
            raise UsageError("nothing to score: give --predictions DIR, or --model DIR with --dataset")
        if self.dataset and self.split not in SPLITS:
            raise UsageError(f"--split {self.split!r} is none of {', '.join(SPLITS)}")

    @property
    def facts(self) -> dict[str, str]:
        """What is compared, for the report."""
        named = {"dataset": self.dataset, "reference": self.reference, "model": self.model}
        named |= {"predictions": self.predictions, "split": self.split if self.dataset else None}
        return {name: str(value) for name, value in named.items() if value}

    def pairs(self, progress: Progress = silent) -> tuple[list[Pair], Masks, list[str]]:
        """Pairs, masks of their topology, and notes; a model's predictions are made when needed, or written first.

        Raises:
            InputError: files or a model cannot be used.
            UsageError: the model's encoder, or the folder of predictions, is in question.
        """
        if self.dataset is None:
            return folder_pairs(self.reference, self.predictions, self.fps, self.regions, self.templates)
        predict = self._predictor() if self.model else None
        data = parse_dataset(self.dataset).read()
        masks = self._masks(data)
        if self.predictions is None:
            chosen = sequences_of(data, self.split)
            return [pair_of(s, s.name, lambda s=s: predict(s)) for s in chosen], masks, [*data.notes]
        if predict:
            predict.write(sequences_of(data, self.split), self.predictions, progress)
        pairs, notes = dataset_pairs(data, self.split, self.predictions)
        return pairs, masks, [*data.notes, *notes]

    def _masks(self, data: TalkingDataset) -> Masks:
        own = read_regions(self.regions, data.vertex_count) if self.regions else data.regions
        return masks_of(own, str(self.regions or data.root))

    def _predictor(self) -> SequencePredictor:
        """What predicts vertices of a data set's sequences."""
        from sedtalker_cli.evaluation.animation.predictor import SequencePredictor
        from sedtalker_cli.model.device import choose_device
        from sedtalker_cli.model.vertex_animator import VertexAnimator
        from sedtalker_cli.model.vertex_encoder import encoder_for

        animator = VertexAnimator.load(self.model, choose_device(self.device))
        return SequencePredictor(animator, encoder_for(animator, self.encoder))
