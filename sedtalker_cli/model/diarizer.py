"""The emotion diarizer: encoder features to class posteriors and intensity for every 20 ms."""

import math
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from sedtalker_cli.model.checkpoint import check_features, load_checkpoint
from sedtalker_cli.model.diarizer_network import DiarizerNetwork
from sedtalker_cli.model.features import Features
from sedtalker_cli.model.weights import DIARIZER
from sedtalker_cli.model.windows import windowed


@dataclass(frozen=True)
class Voice:
    """What is known of a speaker: the sum of their features (L, D) and the number of frames; voices add up."""

    total: torch.Tensor
    frames: int

    def __add__(self, other: "Voice") -> "Voice":
        return Voice(self.total + other.total, self.frames + other.frames)


class Diarizer:
    """A trained diarizer with its calibration and decoding parameters.

    Attributes:
        adapts: whether it judges speakers by their own measure.
        encoder: its own, None as it takes the features that the animator takes.
        classes: class names in the order of the posteriors.
        decoding: `min_duration` (s) and `switch_cost` (nats) fitted on the validation split.
        trained_on: names of the corpora.
        sha256, source: checksum and folder of the checkpoint.
    """

    kind = DIARIZER
    adapts = True
    encoder = None

    def __init__(self, network: DiarizerNetwork, config: dict[str, Any], device: str, sha256: str, source: str = ""):
        self.network = network.to(device).eval().requires_grad_(False)
        self.device, self.sha256, self.source = device, sha256, source
        self.classes = tuple(config["classes"])
        self.temperature = float(config.get("temperature", 1.0))
        self.decoding = dict(config.get("decoding", {}))
        self.trained_on = tuple(map(str, config.get("training", {}).get("corpora", ())))
        if not 0 < self.temperature < math.inf:
            raise ValueError(f"temperature is {self.temperature}")
        known = set(self.decoding) <= {"min_duration", "switch_cost"}
        if not (known and all(0 <= value < 1e6 for value in self.decoding.values())):
            raise ValueError(f"decoding is {self.decoding}")

    @staticmethod
    def build(config: dict[str, Any]) -> DiarizerNetwork:
        """The network that a checkpoint's configuration describes, with random weights."""
        return DiarizerNetwork(len(config["classes"]), **config["network"])

    @classmethod
    def load(cls, folder: str | os.PathLike[str], device: str = "cpu") -> "Diarizer":
        """Load a checkpoint folder.

        Raises:
            InputError: no, damaged or foreign checkpoint.
        """
        return load_checkpoint(cls, folder, device)

    @torch.inference_mode()
    def voice(self, features: Features) -> Voice:
        """The voice of a recording's speaker, from its features (T, L, D)."""
        total = torch.zeros_like(self.network.get_buffer("centre"))
        tuned = self._tuned(features)
        for start in range(0, len(tuned), 3000):
            piece = tuned[start : start + 3000].to(self.device).float()
            total += F.layer_norm(piece, piece.shape[-1:]).sum(0)
        return Voice(total, len(features))

    @torch.inference_mode()
    def predict(self, features: Features, voice: Voice | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Posteriors and intensity of a recording.

        Args:
            features: (T, L, D) as from `SpeechEncoder.encode` or `store`.
            voice: what is known of its speaker, to judge them by their own measure.

        Returns:
            posteriors (T, C) float32, rows sum to 1; intensity (T,) float32 in [0, 1].
        """
        if len(features) == 0:
            return np.zeros((0, len(self.classes)), np.float32), np.zeros(0, np.float32)
        centre = None if voice is None else self.network.centre_of(voice.total, voice.frames)

        tuned = self._tuned(features)
        logits, intensity = (x[0] for x in self.network.answer_in_pieces(tuned, centre))
        logits, intensity = self.network.rescore(tuned, logits, intensity, centre)
        posteriors = (logits / self.temperature).softmax(-1)
        return posteriors.cpu().numpy(), intensity.sigmoid().cpu().numpy()

    def _tuned(self, features: Features) -> Features:
        """Features (T, L, D) through the tuned layers, if there are any, in windows as long as in training."""
        check_features(self.network, features)
        tuned = self.network.tuned
        if tuned is None or len(features) == 0:
            return features
        (found,) = windowed(lambda x: (tuned(x.to(self.device).float()).half(),), [features], core=500, context=50)
        return found
