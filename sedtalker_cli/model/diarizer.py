"""The emotion diarizer: encoder features to class posteriors and intensity for every 20 ms."""

import os
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from sedtalker_cli.model.checkpoint import checksum, config_errors, load_config, load_into
from sedtalker_cli.model.hybrid import HybridStack
from sedtalker_cli.model.windows import windowed


class LayerMix(nn.Module):
    """Learned convex mix of normalised encoder layers, then a projection.

    Args:
        num_taps: encoder layers L.
        dim: their size D.
        d_model: size after the projection.
    """

    def __init__(self, num_taps: int, dim: int, d_model: int):
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(num_taps))
        self.project = nn.Linear(dim, d_model)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(B, T, L, D) to (B, T, d_model)."""
        normal = F.layer_norm(features, features.shape[-1:])
        return self.project(torch.einsum("btld,l->btd", normal, self.weights.softmax(0)))


class TunedLayers(nn.Module):
    """Copies of the encoder's upper layers, fine-tuned for emotion; they start from the lowest kept layer.

    Args:
        num_layers: how many.
        dim, num_heads, ffn_dim: sizes of the encoder's layers.
        dropout: probability inside the layers while training.
    """

    def __init__(self, num_layers: int, dim: int, num_heads: int = 8, ffn_dim: int = 2048, dropout: float = 0.1):
        super().__init__()
        from transformers import WhisperConfig
        from transformers.models.whisper.modeling_whisper import WhisperEncoderLayer

        config = WhisperConfig(
            d_model=dim,
            encoder_attention_heads=num_heads,
            encoder_ffn_dim=ffn_dim,
            dropout=dropout,
            attention_dropout=dropout,
            activation_dropout=dropout,
            attn_implementation="sdpa",
        )
        self.layers = nn.ModuleList(WhisperEncoderLayer(config) for _ in range(num_layers))

    def forward(self, features: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """(B, T, L, D), of which the lowest layer is used, to (B, T, 1 + num_layers, D)."""
        hidden = features[:, :, 0]
        bias = None
        if mask is not None:
            bias = torch.zeros_like(mask).masked_fill(mask == 0, torch.finfo(mask.dtype).min)[:, None, None]
            bias = bias.expand(-1, 1, mask.shape[1], -1)
        kept = [hidden]
        for layer in self.layers:
            hidden = layer(hidden, bias)
            hidden = hidden[0] if isinstance(hidden, tuple) else hidden
            kept.append(hidden)
        return torch.stack(kept, dim=2)


class DiarizerNetwork(nn.Module):
    """Layer mix, pooling to a slower rate, hybrid stack, frame heads.

    Args:
        num_classes: C.
        num_taps, dim: of the encoder.
        d_model: width.
        layout: time mixers as in `HybridStack`.
        stride: encoder frames per slow frame.
        window: attention reach in slow frames.
        tuned_layers: upper encoder layers that are trained along, 0 for none.
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
        dropout: float = 0.2,
    ):
        super().__init__()
        self.stride = stride
        self.tuned = TunedLayers(tuned_layers, dim) if tuned_layers else None
        self.mix = LayerMix(1 + tuned_layers if tuned_layers else num_taps, dim, d_model)
        self.pool = nn.Conv1d(d_model, d_model, 2 * stride, stride=stride, padding=stride // 2)
        self.stack = HybridStack(layout, d_model, window=window, d_state=d_state, dropout=dropout)
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(d_model, num_classes)
        self.intensity = nn.Linear(d_model, 1)

    def tune_features(self, features: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Encoder features (B, T, L, D) through the tuned layers, if there are any."""
        return features if self.tuned is None else self.tuned(features, mask)

    def forward(self, features: torch.Tensor, mask: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """
        Args:
            features: (B, T, L, D) encoder layers.
            mask: (B, T) with 1 for frames that exist.

        Returns:
            logits (B, T, C) and intensity logits (B, T).
        """
        return self.classify_features(self.tune_features(features, mask), mask)

    def classify_features(
        self, features: torch.Tensor, mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """As `forward`, from features that went through `tune_features`."""
        frames = features.shape[1]
        x = self.dropout(self.mix(features))
        if mask is not None:
            x = x * mask.unsqueeze(-1)
        x = F.pad(x.transpose(1, 2), (0, -frames % self.stride))
        x = F.gelu(self.pool(x)).transpose(1, 2)
        if mask is not None:
            mask = F.pad(mask, (0, -frames % self.stride)).unflatten(1, (-1, self.stride)).amax(-1)
        x = self.dropout(self.stack(x, mask=mask))
        slow = torch.cat([self.classify(x), self.intensity(x)], dim=-1).transpose(1, 2)
        fast = F.interpolate(slow, scale_factor=self.stride, mode="linear")[..., :frames].transpose(1, 2)
        return fast[..., :-1], fast[..., -1]


class Diarizer:
    """A trained diarizer with its calibration and decoding parameters.

    Attributes:
        classes: class names in the order of the posteriors.
        decoding: `min_duration` (s) and `switch_cost` (nats) fitted on the validation split.
        sha256: checksum of the checkpoint.
    """

    def __init__(self, network: DiarizerNetwork, config: dict[str, Any], device: str, sha256: str):
        self.network = network.to(device).eval().requires_grad_(False)
        self.device, self.sha256 = device, sha256
        self.classes = tuple(config["classes"])
        self.temperature = float(config.get("temperature", 1.0))
        self.decoding = dict(config.get("decoding", {}))

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
    def predict(self, features: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Posteriors and intensity of a recording.

        Args:
            features: (T, L, D) as from `SpeechEncoder.encode`.

        Returns:
            posteriors (T, C) float32, rows sum to 1; intensity (T,) float32 in [0, 1].
        """
        if len(features) == 0:
            return np.zeros((0, len(self.classes)), np.float32), np.zeros(0, np.float32)
        if self.network.tuned is not None:
            # These layers attend to all that they see; windows as long as in training, with some context.
            (features,) = windowed(
                lambda x: (self.network.tune_features(x.to(self.device).float()),), [features], core=500, context=50
            )
        logits, intensity = windowed(
            lambda x: self.network.classify_features(x.to(self.device).float()), [features], core=3000, context=600
        )
        posteriors = (logits / self.temperature).softmax(-1)
        return posteriors.cpu().numpy(), intensity.sigmoid().cpu().numpy()
