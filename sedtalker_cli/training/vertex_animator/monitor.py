"""What shows a training beside its CSV log: TensorBoard, and films of validation recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sedtalker_cli.errors import UsageError
from sedtalker_cli.evaluation.animation.predictor import predict_sequence
from sedtalker_cli.model.vertex_animator import VertexAnimator
from sedtalker_cli.training.vertex_animator.batches import Talking, evenly
from sedtalker_cli.training.vertex_animator.settings import VertexTraining


class Monitor:
    """Writes what was asked for, in the leading process.

    Args:
        out: folder of the run.
        settings: `tensorboard`, `samples` and `head` of them.
        sets: what is trained on; the first one of the head's topology is filmed.
        leads: whether this process writes at all.
        epoch: finished before; TensorBoard forgets what comes after it.

    Raises:
        UsageError: TensorBoard is not installed, or no data set has the head's topology.
        InputError: the head cannot be read.
    """

    def __init__(self, out: Path, settings: VertexTraining, sets: Sequence[Talking], leads: bool, epoch: int):
        self.out, self.samples = out, settings.samples if leads else 0
        self.writer: Any = None
        self.head: Any = None
        self.filmed: Talking | None = None
        if settings.tensorboard and leads:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError:
                raise UsageError('TensorBoard is not installed; pip install "sedtalker[tensorboard]"') from None
            self.writer = SummaryWriter(str(out / "tensorboard"), purge_step=epoch + 1)
        if self.samples:
            from sedtalker_cli.face.heads import cached_head

            self.head = cached_head(None, Path(settings.head))
            self.filmed = next((t for t in sets if t.dataset.vertex_count == len(self.head.neutral)), None)
            if self.filmed is None:
                counts = ", ".join(f"{t.dataset.name} {t.dataset.vertex_count}" for t in sets)
                raise UsageError(
                    f"--head {settings.head}: has {len(self.head.neutral)} vertices, the data has {counts}"
                )

    def __enter__(self) -> Monitor:
        return self

    def __exit__(self, *_: object) -> None:
        if self.writer:
            self.writer.close()

    def record(self, epoch: int, row: Mapping[str, float]) -> None:
        """Losses and scores of an epoch."""
        for name, value in row.items() if self.writer else ():
            part, _, rest = name.partition("_")
            self.writer.add_scalar(f"{part}/{rest}" if rest else name, value, epoch)

    def film(self, epoch: int, model: VertexAnimator) -> None:
        """`out/samples/NAME-epoch0001.mp4` of some validation recordings."""
        if not self.samples:
            return
        from sedtalker_cli.render.film import render_film

        (self.out / "samples").mkdir(exist_ok=True)
        for number in evenly(self.filmed.val, self.samples):
            sequence = self.filmed.dataset.sequences[number]
            vertices = predict_sequence(model, self.filmed.store(sequence.audio), sequence)
            path = self.out / "samples" / f"{sequence.name}-epoch{epoch:04}.mp4"
            head = replace(self.head, neutral=sequence.template)  # whose units the vertices have
            render_film(vertices, head, sequence.fps, path, audio=sequence.audio)
