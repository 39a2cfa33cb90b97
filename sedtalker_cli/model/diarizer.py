"""The emotion diarizer: encoder features to class posteriors and intensity for every 20 ms."""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from sedtalker_cli.model.checkpoint import checksum, config_errors, load_config, load_into
from sedtalker_cli.model.hybrid import HybridStack
from sedtalker_cli.model.whisper import WhisperLayer
from sedtalker_cli.model.windows import windowed


class LayerMix(nn.Module):
    """Learned convex mix of normalised encoder layers.

    Args:
        num_taps: encoder layers L.
    """

    def __init__(self, num_taps: int):
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(num_taps))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(B, T, L, D) to (B, T, D)."""
        normal = F.layer_norm(features, features.shape[-1:])
        return torch.einsum("btld,l->btd", normal, self.weights.softmax(0))


class TunedLayers(nn.Module):
    """Copies of the encoder's upper layers, fine-tuned for emotion; they start from the lowest kept layer.

    Args:
        num_layers: how many.
        dim: size of the encoder's frames; heads have 64 channels and the inner layer is four times as wide, as in
            every Whisper model.
        dropout: probability inside the layers while training.
    """

    def __init__(self, num_layers: int, dim: int, dropout: float = 0.1):
        super().__init__()
        self.layers = nn.ModuleList(WhisperLayer(dim, max(1, dim // 64), 4 * dim, dropout) for _ in range(num_layers))

    def forward(self, features: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """(B, T, L, D), of which the lowest layer is used, to (B, T, 1 + num_layers, D)."""
        hidden = features[:, :, 0]
        kept = [hidden]
        for layer in self.layers:
            hidden = layer(hidden, mask)
            kept.append(hidden)
        return torch.stack(kept, dim=2)


class DiarizerNetwork(nn.Module):
    """Layer mix, centring, pooling to a slower rate, hybrid stack, frame heads.

    Args:
        num_classes: C.
        num_taps, dim: of the encoder.
        d_model: width.
        layout: time mixers as in `HybridStack`.
        stride: encoder frames per slow frame.
        window: attention reach in slow frames.
        tuned_layers: upper encoder layers that are trained along, 0 for none.
        prior_frames: weight of the centre of all speakers against a speaker's own mean, in frames.
        dropout: probability.
    """

    def __init__(
        self,
        num_classes: int,
        num_taps: int,
        dim: int,
        d_model: int = 160,
        layout: str = "mam",
        stride: int = 4,
        window: int = 50,
        d_state: int = 8,
        tuned_layers: int = 0,
        prior_frames: int = 500,
        dropout: float = 0.2,
    ):
        super().__init__()
        self.stride, self.prior_frames = stride, prior_frames
        self.tuned = TunedLayers(tuned_layers, dim) if tuned_layers else None
        self.mix = LayerMix(1 + tuned_layers if tuned_layers else num_taps)
        self.register_buffer("centre", torch.zeros(dim))
        self.project = nn.Linear(dim, d_model)
        self.pool = nn.Conv1d(d_model, d_model, 2 * stride, stride=stride, padding=stride // 2)
        self.stack = HybridStack(layout, d_model, window=window, d_state=d_state, dropout=dropout)
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(d_model, num_classes)
        self.intensity = nn.Linear(d_model, 1)

    def mixed(self, features: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Encoder features (B, T, L, D) through the tuned layers, if there are any, and the mix: (B, T, D)."""
        return self.mix(features if self.tuned is None else self.tuned(features, mask))

    def centre_of(self, total: torch.Tensor, frames: torch.Tensor) -> torch.Tensor:
        """Centre of a speaker's mixed features, drawn towards that of all speakers where little is known of him.

        Args:
            total: (..., D) sum of his frames.
            frames: (...) their number.
        """
        return (total + self.prior_frames * self.centre) / (frames + self.prior_frames)[..., None]

    def forward(
        self, features: torch.Tensor, mask: torch.Tensor | None = None, speakers: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """
        Args:
            features: (B, T, L, D) encoder layers.
            mask: (B, T) bool, False for padding.
            speakers: (B,) numbers; the features are centred by all recordings of a batch with the same number, or
                by the centre of all speakers where it is negative (everywhere by default).

        Returns:
            logits (B, T, C) and intensity logits (B, T).
        """
        mixed = self.mixed(features, mask)
        return self.classify_mixed(mixed, self.centres(mixed, mask, speakers), mask)

    def centres(
        self, mixed: torch.Tensor, mask: torch.Tensor | None, speakers: torch.Tensor | None
    ) -> torch.Tensor | None:
        """(B, D) centre for each recording; see `forward`."""
        if speakers is None:
            return None
        total, frames = mixed.sum(1), torch.full((len(mixed),), float(mixed.shape[1]))
        if mask is not None:
            total, frames = (mixed * mask[..., None]).sum(1), mask.sum(1).float()
        same = (speakers[:, None] == speakers).to(total)
        own = self.centre_of(same @ total, same @ frames)
        return torch.where(speakers[:, None] < 0, self.centre, own)

    @torch.no_grad()
    def follow_centre(self, mixed: torch.Tensor, mask: torch.Tensor, momentum: float = 0.02) -> None:
        """Let the centre of all speakers follow a batch."""
        means = (mixed * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        self.centre.lerp_(means.mean(0), momentum)

    def classify_mixed(
        self, mixed: torch.Tensor, centre: torch.Tensor | None = None, mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """As `forward`, from mixed features (B, T, D) and a centre (B, D) or None for that of all speakers."""
        frames = mixed.shape[1]
        x = mixed - (self.centre if centre is None else centre[:, None])
        x = self.project(self.dropout(x))
        if mask is not None:
            x = x * mask.unsqueeze(-1)
        x = F.pad(x.transpose(1, 2), (0, -frames % self.stride))
        x = F.gelu(self.pool(x)).transpose(1, 2)
        if mask is not None:
            mask = F.pad(mask.float(), (0, -frames % self.stride)).unflatten(1, (-1, self.stride)).amax(-1)
        x = self.dropout(self.stack(x, mask=mask))
        slow = torch.cat([self.classify(x), self.intensity(x)], dim=-1).transpose(1, 2)
        fast = F.interpolate(slow, scale_factor=self.stride, mode="linear")[..., :frames].transpose(1, 2)
        return fast[..., :-1], fast[..., -1]


@dataclass(frozen=True)
class Voice:
    """What is known of a speaker: the sum of his mixed features (D,) and the number of frames; voices add up."""

    total: torch.Tensor
    frames: int

    @classmethod
    def of(cls, mixed: torch.Tensor) -> "Voice":
        """What mixed features (T, D) tell of the speaker."""
        return cls(mixed.float().sum(0), len(mixed))

    def __add__(self, other: "Voice") -> "Voice":
        return Voice(self.total + other.total, self.frames + other.frames)


class Diarizer:
    """A trained diarizer with its calibration and decoding parameters.

    Attributes:
        classes: class names in the order of the posteriors.
        decoding: `min_duration` (s) and `switch_cost` (nats) fitted on the validation split.
        trained_on: names of the corpora.
        sha256: checksum of the checkpoint.
    """

    def __init__(self, network: DiarizerNetwork, config: dict[str, Any], device: str, sha256: str):
        self.network = network.to(device).eval().requires_grad_(False)
        self.device, self.sha256 = device, sha256
        self.classes = tuple(config["classes"])
        self.temperature = float(config.get("temperature", 1.0))
        self.decoding = dict(config.get("decoding", {}))
        self.trained_on = tuple(config.get("training", {}).get("corpora", ()))

    @classmethod
    def load(cls, folder: str | os.PathLike, device: str = "cpu") -> "Diarizer":
        """Load a checkpoint folder.

        Raises:
            InputError: no, damaged or foreign checkpoint.
        """
        config = load_config(folder, "diarizer")
        with config_errors(folder):
            network = DiarizerNetwork(len(config["classes"]), **config["network"])
        return cls(load_into(network, folder), config, device, checksum(folder))

    @torch.inference_mode()
    def mixed(self, features: torch.Tensor) -> torch.Tensor:
        """Encoder features (T, L, D) to what the frame classifier reads, (T, D) float16."""
        if len(features) == 0:
            return torch.zeros(0, len(self.network.centre), dtype=torch.float16)
        if self.network.tuned is None:
            core, context = 3000, 0
        else:  # these layers attend to all that they see: windows as long as in training, with some context
            core, context = 500, 50
        (mixed,) = windowed(
            lambda x: (self.network.mixed(x.to(self.device).float()).half(),), [features], core=core, context=context
        )
        return mixed

    def voice(self, features: torch.Tensor) -> Voice:
        """What a recording (T, L, D) tells of its speaker."""
        return Voice.of(self.mixed(features))

    @torch.inference_mode()
    def classify(self, mixed: torch.Tensor, voice: Voice | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Posteriors and intensity from what `mixed` gives; else as `predict`."""
        if len(mixed) == 0:
            return np.zeros((0, len(self.classes)), np.float32), np.zeros(0, np.float32)
        centre = None
        if voice is not None:
            centre = self.network.centre_of(voice.total, torch.tensor(float(voice.frames)))[None]
        logits, intensity = windowed(
            lambda x: self.network.classify_mixed(x.float(), centre), [mixed], core=6000, context=1500
        )
        posteriors = (logits / self.temperature).softmax(-1)
        return posteriors.cpu().numpy(), intensity.sigmoid().cpu().numpy()

    def predict(self, features: torch.Tensor, voice: Voice | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Posteriors and intensity of a recording.

        Args:
            features: (T, L, D) as from `SpeechEncoder.encode`.
            voice: what is known of its speaker, to judge him by his own measure.

        Returns:
            posteriors (T, C) float32, rows sum to 1; intensity (T,) float32 in [0, 1].
        """
        return self.classify(self.mixed(features), voice)
