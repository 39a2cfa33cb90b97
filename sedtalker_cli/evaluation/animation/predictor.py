"""What a vertex animator makes of a data set's recordings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sedtalker_cli.audio.reading import stream_audio
from sedtalker_cli.errors import UsageError
from sedtalker_cli.formats.motion import write_motion
from sedtalker_cli.progress import Progress, silent
from sedtalker_cli.version import __version__

if TYPE_CHECKING:
    import torch

    from sedtalker_cli.data.talking_heads import TalkingSequence
    from sedtalker_cli.model.encoder import SpeechEncoder
    from sedtalker_cli.model.vertex_animator import VertexAnimator


class SequencePredictor:
    """Vertices of a data set's recordings; the last sound is kept, as many sequences share one.

    Args:
        model: loaded.
        encoder: of it.
    """

    def __init__(self, model: VertexAnimator, encoder: SpeechEncoder):
        self.model, self.encoder = model, encoder
        self._audio: Path | None = None
        self._features: torch.Tensor | None = None

    def __call__(self, sequence: TalkingSequence) -> np.ndarray:
        """(T, V, 3) float32 in the data set's units, see `predict_sequence`."""
        if sequence.audio != self._audio:
            self._audio, self._features = sequence.audio, self.encoder.encode(stream_audio(sequence.audio))
        return predict_sequence(self.model, self._features, sequence)

    def write(
        self,
        sequences: Sequence[TalkingSequence],
        folder: Path,
        progress: Progress = silent,
    ) -> None:
        """Write `NAME.npy` (T, V, 3) and its sidecar of every sequence; folders are made.

        Raises:
            UsageError: one is there already; it may be another model's.
        """
        there = next((path for s in sequences if (path := folder / f"{s.name}.npy").exists()), None)
        if there:
            raise UsageError(f"{there}: exists already; name a new folder, or score it without --model")
        folder.mkdir(parents=True, exist_ok=True)
        for done, sequence in enumerate(sequences, start=1):
            vertices = self(sequence)
            topology = self.model.topology_of(vertices.shape[1])
            metadata = {
                "version": __version__,
                "fps": sequence.fps,
                "frames": len(vertices),
                "vertices": vertices.shape[1],
                "units": "those of the data set",
                "topology": topology,
                "subject": sequence.subject,
                "emotion": sequence.emotion,
                "intensity": sequence.intensity,
                "models": {"animator": self.model.sha256, "encoder": self.encoder.sha256 or self.model.encoder["name"]},
            }
            write_motion(folder / f"{sequence.name}.npy", [vertices], vertices.shape, metadata)
            progress("predicting", done, len(sequences))


def predict_sequence(model: VertexAnimator, features: torch.Tensor, sequence: TalkingSequence) -> np.ndarray:
    """A recording of a data set as the model shows it, with the emotion and intensity of its label.

    Args:
        model: to ask.
        features: (T50, L, D) of the recording.
        sequence: gives label, subject, template, frame rate and length.

    Returns:
        (T, V, 3) float32 in the data set's units.

    Raises:
        InputError: the model has no such topology or emotion.
    """
    topology, frames = model.topology_of(len(sequence.template)), sequence.frames
    posteriors = model.map_posteriors(np.ones((len(features), 1), np.float32), (sequence.emotion,))
    level = np.full(len(features), sequence.intensity, np.float32)
    hidden = model.listen(features, posteriors, level, topology, frames, sequence.fps, sequence.subject)
    return np.concatenate(list(model.stream(hidden, sequence.template, topology)))
