"""The emotion diarizer: encoder features to class posteriors and intensity for every 20 ms."""

import math
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from sedtalker_cli.emotion.silence import fill_silence
from sedtalker_cli.model.checkpoint import check_features, load_checkpoint
from sedtalker_cli.model.diarizer_network import DiarizerNetwork
from sedtalker_cli.model.features import Features, FeatureStore
from sedtalker_cli.model.likeness import is_speech
from sedtalker_cli.model.statistics import Measure
from sedtalker_cli.model.weights import DIARIZER

NEUTRAL = "neutral"
# Of a voice that is adapted to: stretches of speech that are known, and classes that they are spread over.
GATE = {"stretches": 8.0, "variety": 3.0}
PIECE = 1000  # frames that are looked at at once


@dataclass(frozen=True)
class Voice:
    """What is known of a speaker; voices add up.

    Attributes:
        total, square: (L, D) sums over frames of speech of normalised features, and of their squares.
        frames: of speech.
        answers: (C,) what stretches of speech were taken for, summed up; with `stretches` it tells how varied they are.
        stretches: their number.
    """

    total: torch.Tensor
    square: torch.Tensor
    frames: int
    answers: torch.Tensor
    stretches: int

    def __add__(self, other: "Voice") -> "Voice":
        return Voice(
            self.total + other.total,
            self.square + other.square,
            self.frames + other.frames,
            self.answers + other.answers,
            self.stretches + other.stretches,
        )

    @property
    def variety(self) -> float:
        """How many classes share the answers, as the exponential of their entropy."""
        shares = self.answers / self.answers.sum().clamp(min=1e-9)
        return float(torch.special.entr(shares).sum().exp())


class Diarizer:
    """A trained diarizer with its calibration and decoding parameters.

    Attributes:
        adapts: whether it judges speakers by their own measure.
        encoder: its own, None as it takes the features that the animator takes.
        classes: class names in the order of the posteriors.
        temperatures: of the posteriors, for unknown and for known speakers.
        gate: how much must be known of a speaker, see `measure`.
        decoding: `min_duration` (s) and `switch_cost` (nats), fitted on speakers that were not trained on.
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
        self.temperatures = [float(value) for value in np.broadcast_to(config.get("temperature", 1.0), 2)]
        self.gate = GATE | dict(config.get("gate", {}))
        self.decoding = dict(config.get("decoding", {}))
        self.trained_on = tuple(map(str, config.get("training", {}).get("corpora", ())))
        if not all(0 < value < math.inf for value in self.temperatures):
            raise ValueError(f"temperature is {self.temperatures}")
        if set(self.gate) != set(GATE) or not all(0 <= value < 1e6 for value in self.gate.values()):
            raise ValueError(f"gate is {self.gate}")
        if NEUTRAL not in self.classes:
            raise ValueError(f"classes lack {NEUTRAL!r}")
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
        answers, stretches = torch.zeros(len(self.classes)), 0
        check_features(self.network, features)
        _, total, square, frames = self._heard(features)
        if frames:
            posteriors, _, heard = self._answers(features, None)
            for start, stop in self.network.stretches(posteriors.log()):
                spoken = heard[start:stop] > 0.5
                if spoken.any():
                    answers[posteriors[start:stop][spoken].mean(0).argmax()] += 1
                    stretches += 1
        return Voice(total, square, frames, answers, stretches)

    def measure(self, voice: Voice | None) -> Measure | None:
        """The speaker's own measure, or None where too little is known of them, or in too few moods."""
        if voice is None or voice.stretches < self.gate["stretches"] or voice.variety < self.gate["variety"]:
            return None
        return self.network.measure_of(voice.total, voice.square, voice.frames)

    @torch.inference_mode()
    def predict(self, features: Features, voice: Voice | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Posteriors and intensity of a recording; in silence they follow from the speech around it.

        Args:
            features: (T, L, D) as from `SpeechEncoder.encode` or `store`.
            voice: what is known of its speaker, to judge them by their own measure.

        Returns:
            posteriors (T, C) float32, rows sum to 1; intensity (T,) float32 in [0, 1].
        """
        check_features(self.network, features)
        if len(features) == 0:
            return np.zeros((0, len(self.classes)), np.float32), np.zeros(0, np.float32)
        posteriors, intensity, speech = self._answers(features, self.measure(voice))
        values = (x.cpu().numpy() for x in (posteriors, intensity, speech))
        return fill_silence(*values, self.classes.index(NEUTRAL))

    @torch.inference_mode()
    def speech(self, features: Features) -> np.ndarray:
        """Probability (T,) float32 of speech in every frame of features (T, L, D); 0 where none is like speech."""
        check_features(self.network, features)
        return self._speech(features).cpu().numpy()

    def _heard(self, features: Features) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, int]:
        """Probability (T,) of speech; sums over its frames of normalised features and their squares; their number."""
        known = features.known if isinstance(features, FeatureStore) else {}
        if self not in known:
            network = self.network
            total, square = (torch.zeros_like(network.centre) for _ in range(2))
            found = [torch.zeros(0, device=self.device)]
            for start in range(0, len(features), PIECE):
                piece = features[start : start + PIECE].to(self.device).float()
                normal = F.layer_norm(piece, piece.shape[-1:])
                found.append(network.speaks(normal).sigmoid())
                spoken = normal[found[-1] >= 0.5]
                total, square = total + spoken.sum(0), square + (spoken**2).sum(0)
            speech = torch.cat(found)
            known[self] = speech, total, square, int((speech >= 0.5).sum())
        return known[self]

    def _speech(self, features: Features) -> torch.Tensor:
        """Of every frame; nowhere, where the recording as a whole is not like speech."""
        network = self.network
        speech, total, _, frames = self._heard(features)
        if not frames or not network.centre.any():  # an untrained network knows no centre
            return speech
        voiced = speech >= 0.5
        mean = (total / frames - network.centre) / network.spread
        rest = float(speech[~voiced].mean()) if frames < len(speech) else 0.0
        return speech if is_speech(mean, frames, float(speech[voiced].mean()), rest) else torch.zeros_like(speech)

    def _answers(self, features: Features, measure: Measure | None) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Posteriors (T, C), intensity (T,) and probability of speech (T,) from features (T, L, D)."""
        logits, intensity = (x[0] for x in self.network.answer_in_pieces(features, measure))
        logits, intensity = self.network.rescore(features, logits, intensity, measure)
        temperature = self.temperatures[0 if measure is None else 1]
        return (logits / temperature).softmax(-1), intensity.sigmoid(), self._speech(features)
