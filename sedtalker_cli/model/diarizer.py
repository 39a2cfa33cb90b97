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


class LocalStatistics(nn.Module):
    """A linear answer from mean and deviation of the features around each frame: simple, so it carries over to others.

    Args:
        size: K, features of a frame.
        outputs: of a frame.
        window: frames whose statistics are taken, odd.
    """

    def __init__(self, size: int, outputs: int, window: int):
        super().__init__()
        self.window = window
        self.linear = nn.Linear(2 * size, outputs)
        nn.init.zeros_(self.linear.weight)

    def forward(self, mean: torch.Tensor, deviation: torch.Tensor, shift: torch.Tensor | None = None) -> torch.Tensor:
        """Means and deviations (..., K), the means less `shift`, to (..., outputs)."""
        return self.linear(torch.cat([mean if shift is None else mean - shift, deviation], dim=-1))

    def around(self, x: torch.Tensor, square: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and deviation in the window around each frame.

        Args:
            x, square: (B, T, K) features and their squares, 0 where there are none.
            mask: (B, T, 1) share of a frame that exists.

        Returns:
            (B, T, K) twice; 1 is taken off the deviations, their usual size.
        """
        x, square, mask = (
            F.avg_pool1d(y.transpose(1, 2), self.window, stride=1, padding=self.window // 2).transpose(1, 2)
            for y in (x, square, mask)
        )
        mean, square = x / mask.clamp(min=1e-6), square / mask.clamp(min=1e-6)
        return mean, (square - mean**2).clamp(min=1e-4).sqrt() - 1


class DiarizerNetwork(nn.Module):
    """Two answers for every frame, added with fitted weights: a hybrid stack's, and a linear one from local statistics.

    The stack hears the encoder's layers as they are. The statistics are centred by the mean of all speakers, or of
    the speaker where that is known, and scaled by the usual spread.

    Args:
        num_classes: C.
        num_taps, dim: of the encoder.
        d_model: width of the stack.
        layout: time mixers of the stack as in `HybridStack`.
        stride: encoder frames per slow frame.
        window: attention reach in slow frames.
        statistics: slow frames whose statistics are taken around each, odd.
        tuned_layers: upper encoder layers that are trained along, 0 for none.
        prior_frames: weight of the centre of all speakers against a speaker's own mean, in frames.
        dropout: probability.

    Attributes:
        shares: (2, 2) weights of the logits of stack and statistics, without and with a known speaker.
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
        statistics: int = 37,
        tuned_layers: int = 0,
        prior_frames: int = 500,
        dropout: float = 0.2,
    ):
        super().__init__()
        self.stride, self.prior_frames = stride, prior_frames
        self.tuned = TunedLayers(tuned_layers, dim) if tuned_layers else None
        taps = 1 + tuned_layers if tuned_layers else num_taps
        self.mix = LayerMix(taps)
        self.project = nn.Linear(dim, d_model)
        self.pool = nn.Conv1d(d_model, d_model, 2 * stride, stride=stride, padding=stride // 2)
        self.stack = HybridStack(layout, d_model, window=window, d_state=d_state, dropout=dropout)
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(d_model, num_classes)
        self.intensity = nn.Linear(d_model, 1)
        self.statistics = LocalStatistics(taps * dim, num_classes, statistics)
        self.register_buffer("centre", torch.zeros(taps, dim))
        self.register_buffer("spread", torch.ones(taps, dim))
        self.register_buffer("shares", torch.tensor([[1.0, 0.0], [1.0, 0.0]]))

    def forward(
        self, features: torch.Tensor, mask: torch.Tensor | None = None, centre: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """
        Args:
            features: (B, T, L, D) encoder layers.
            mask: (B, T) with 1 for frames that exist.
            centre: (L', D) centre of the speaker, None where he is not known.

        Returns:
            logits (B, T, C) and intensity logits (B, T).
        """
        return self.answer(self.tune(features, mask), mask, centre)

    def answer(
        self, features: torch.Tensor, mask: torch.Tensor | None = None, centre: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """As `forward`, from what `tune` gives."""
        answer = self.stack_answer(features, mask)
        stack, statistics = self.shares[0 if centre is None else 1]
        logits = stack * answer[..., :-1]
        if statistics:
            logits = logits + statistics * self.statistics(*self.local(features, mask), self.centre_shift(centre))
        both = torch.cat([logits, answer[..., -1:]], dim=-1).transpose(1, 2)
        fast = F.interpolate(both, scale_factor=self.stride, mode="linear")[..., : features.shape[1]].transpose(1, 2)
        return fast[..., :-1], fast[..., -1]

    def tune(self, features: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Encoder features (B, T, L, D) through the tuned layers, if there are any: (B, T, L', D)."""
        return features if self.tuned is None else self.tuned(features, mask)

    def stack_answer(self, features: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Class and intensity logits of the stack (B, S, C + 1) at slow frames, from tuned features (B, T, L', D)."""
        x = self.project(self.mix(features))
        x = self.dropout(x)
        fill = -features.shape[1] % self.stride
        if mask is not None:
            mask = mask.to(x)
            x = x * mask.unsqueeze(-1)
            mask = F.pad(mask, (0, fill)).unflatten(1, (-1, self.stride)).amax(-1)
        x = F.gelu(self.pool(F.pad(x.transpose(1, 2), (0, fill)))).transpose(1, 2)
        x = self.dropout(self.stack(x, mask=mask))
        return torch.cat([self.classify(x), self.intensity(x)], dim=-1)

    def local(self, features: torch.Tensor, mask: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and deviation (B, S, L' x D) of normalised, centred, scaled features around each slow frame."""
        x = F.layer_norm(features, features.shape[-1:])
        x = ((x - self.centre) / self.spread).flatten(2)
        mask = x.new_ones(x.shape[:2]) if mask is None else mask.to(x)
        fill = -x.shape[1] % self.stride
        x, mask = F.pad(x * mask[..., None], (0, 0, 0, fill)), F.pad(mask, (0, fill))
        slow = (y.unflatten(1, (-1, self.stride)).mean(2) for y in (x, x**2, mask[..., None]))
        return self.statistics.around(*slow)

    def centre_shift(self, centre: torch.Tensor | None) -> torch.Tensor | None:
        """What a speaker's centre (..., L', D) takes off the means of `local`: (..., L' x D)."""
        return None if centre is None else ((centre - self.centre) / self.spread).flatten(-2)

    def centre_of(self, total: torch.Tensor, frames: int) -> torch.Tensor:
        """Centre of a speaker, drawn towards that of all where little is known of him.

        Args:
            total: (L', D) sum of his normalised frames.
            frames: their number.
        """
        return (total + self.prior_frames * self.centre) / (frames + self.prior_frames)


@dataclass(frozen=True)
class Voice:
    """What is known of a speaker: the sum of his features (L, D) and the number of frames; voices add up."""

    total: torch.Tensor
    frames: int

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
    def voice(self, features: torch.Tensor) -> Voice:
        """What a recording (T, L, D) tells of its speaker."""
        total = torch.zeros_like(self.network.centre)
        for piece in self._tuned(features).split(3000):
            total += F.layer_norm(piece.to(self.device).float(), piece.shape[-1:]).sum(0)
        return Voice(total, len(features))

    @torch.inference_mode()
    def predict(self, features: torch.Tensor, voice: Voice | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Posteriors and intensity of a recording.

        Args:
            features: (T, L, D) as from `SpeechEncoder.encode`.
            voice: what is known of its speaker, to judge him by his own measure.

        Returns:
            posteriors (T, C) float32, rows sum to 1; intensity (T,) float32 in [0, 1].
        """
        if len(features) == 0:
            return np.zeros((0, len(self.classes)), np.float32), np.zeros(0, np.float32)
        centre = None if voice is None else self.network.centre_of(voice.total, voice.frames)

        def run(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return self.network.answer(x.to(self.device).float(), None, centre)

        logits, intensity = windowed(run, [self._tuned(features)], core=3000, context=1500)
        posteriors = (logits / self.temperature).softmax(-1)
        return posteriors.cpu().numpy(), intensity.sigmoid().cpu().numpy()

    def _tuned(self, features: torch.Tensor) -> torch.Tensor:
        """Features (T, L, D) through the tuned layers, if there are any, in windows as long as in training."""
        tuned = self.network.tuned
        if tuned is None or len(features) == 0:
            return features
        (found,) = windowed(lambda x: (tuned(x.to(self.device).float()).half(),), [features], core=500, context=50)
        return found
