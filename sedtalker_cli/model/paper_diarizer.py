"""The diarizer of SEDTalker's authors (arXiv 2604.13335): WavLM, half of it trained along, and an MLP a frame."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import torch
from torch import nn

from sedtalker_cli.errors import InputError
from sedtalker_cli.model.checkpoint import check_features, load_checkpoint, names_of
from sedtalker_cli.model.diarizer import Voice
from sedtalker_cli.model.encoder import HOP_SAMPLES, SpeechEncoder, WindowPlan, hub_errors
from sedtalker_cli.model.features import Features

KIND = "paper_diarizer"
HIDDEN = (256, 128)
SIZES = (
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "hidden_act",
    "layer_norm_eps",
    "feat_extract_norm",
    "feat_extract_activation",
    "conv_dim",
    "conv_stride",
    "conv_kernel",
    "conv_bias",
    "num_conv_pos_embeddings",
    "num_conv_pos_embedding_groups",
    "num_buckets",
    "max_bucket_distance",
    "do_stable_layer_norm",
)
"""What of a `transformers.WavLMConfig` describes its weights."""


class WavLMLayers(nn.Module):
    """WavLM's last layer as a speech encoder.

    Args:
        normalize: whether sound is brought to mean 0 and variance 1 first, as some of the models were trained.
        sizes: as `SIZES`.

    Raises:
        ValueError: its frames are not 20 ms apart.
    """

    def __init__(self, normalize: bool = False, **sizes: Any):
        super().__init__()
        from transformers import WavLMConfig, WavLMModel

        # Layers are not left out and sound is not masked: neither is published.
        config = WavLMConfig(**sizes, layerdrop=0.0, apply_spec_augment=False)
        if int(np.prod(config.conv_stride)) != HOP_SAMPLES:
            raise ValueError(f"a hop of {int(np.prod(config.conv_stride))} samples, not {HOP_SAMPLES}")
        self.normalize, self.model = normalize, WavLMModel(config)

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """Features of sound.

        Args:
            waveform: (B, N) at 16 kHz, at least 640 samples.

        Returns:
            (B, N // 320, 1, D); frame k is centred in [k, k+1) x 20 ms.
        """
        if self.normalize:
            waveform = (waveform - waveform.mean(1, keepdim=True)) / (waveform.std(1, keepdim=True) + 1e-7)
        frames = waveform.shape[1] // HOP_SAMPLES
        padded = nn.functional.pad(waveform, (40, 40 + HOP_SAMPLES))
        return self.model(padded).last_hidden_state[:, :frames, None]

    def freeze(self, layers: int) -> None:
        """Keep everything below the transformer and its `layers` lowest layers as they are."""
        self.requires_grad_(False)
        for layer in self.model.encoder.layers[layers:]:
            layer.requires_grad_(True)


class PaperNetwork(nn.Module):
    """WavLM and a perceptron D-256-128-C for every frame.

    Args:
        classes: C.
        dropout: in the perceptron.
        normalize, sizes: as `WavLMLayers`.
    """

    def __init__(self, classes: int, dropout: float = 0.1, normalize: bool = False, **sizes: Any):
        super().__init__()
        self.encoder = WavLMLayers(normalize, **sizes)
        widths = (self.encoder.model.config.hidden_size, *HIDDEN)
        layers: list[nn.Module] = []
        for narrow, wide in zip(widths[1:], widths[:-1], strict=True):
            layers += [nn.Linear(wide, narrow), nn.ReLU(), nn.Dropout(dropout)]
        self.head = nn.Sequential(*layers, nn.Linear(widths[-1], classes))
        self.num_taps, self.dim = 1, widths[0]

    def answer(self, features: torch.Tensor) -> torch.Tensor:
        """Logits (..., T, C) of features (..., T, 1, D)."""
        return self.head(features[..., 0, :])

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """Logits (B, T, C) of sound (B, N)."""
        return self.answer(self.encoder(waveform))


class PaperDiarizer:
    """A trained `PaperNetwork`; it hears with its own encoder and does not adapt to speakers.

    Attributes:
        kind: type of its checkpoints.
        adapts: whether it judges speakers by their own measure.
        encoder: gives the features that `predict` takes.
        classes, decoding, trained_on, sha256: as those of `Diarizer`.
        source: folder of the checkpoint.
    """

    kind = KIND
    adapts = False

    def __init__(self, network: PaperNetwork, config: dict[str, Any], device: str, sha256: str, source: str = ""):
        self.network = network.to(device).eval().requires_grad_(False)
        self.device, self.sha256, self.source = device, sha256, source
        self.classes = names_of(config["classes"])
        self.decoding = dict(config.get("decoding", {}))
        self.trained_on = tuple(map(str, config.get("training", {}).get("corpora", ())))
        known = set(self.decoding) <= {"min_duration", "switch_cost"}
        if not (known and all(0 <= value < 1e6 for value in self.decoding.values())):
            raise ValueError(f"decoding is {self.decoding}")
        self.encoder = SpeechEncoder(self.network.encoder, WindowPlan(), device, source, sha256)

    @staticmethod
    def build(config: dict[str, Any]) -> PaperNetwork:
        """The network that a configuration describes, with random weights."""
        return PaperNetwork(len(config["classes"]), **config["network"])

    @classmethod
    def load(cls, folder: str | os.PathLike[str], device: str = "cpu") -> PaperDiarizer:
        """Load a checkpoint folder; see `load_checkpoint`."""
        return load_checkpoint(cls, folder, device)

    def voice(self, features: Features) -> Voice:
        """How much of a speaker (T, 1, D) was heard; nothing is learned from it."""
        nothing = torch.zeros(1, self.network.dim)
        return Voice(nothing, nothing, len(features), torch.zeros(len(self.classes)), 0)

    def speech(self, features: Features) -> np.ndarray:
        """Speech throughout (T,): this model does not tell."""
        return np.ones(len(features), np.float32)

    @torch.inference_mode()
    def predict(self, features: Features, voice: Voice | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Posteriors and intensity of a recording.

        Args:
            features: (T, 1, D) of `encoder`.
            voice: of no effect.

        Returns:
            posteriors (T, C) float32, rows sum to 1; intensity (T,) float32: 1 - p(neutral), for want of a learned one.
        """
        check_features(self.network, features)
        rows = [np.zeros((0, len(self.classes)), np.float32)]
        for start in range(0, len(features), 3000):
            piece = features[start : start + 3000].to(self.device).float()
            rows.append(self.network.answer(piece).softmax(-1).cpu().numpy())
        posteriors = np.concatenate(rows)
        return posteriors, not_neutral(posteriors, self.classes)


def not_neutral(posteriors: np.ndarray, classes: tuple[str, ...]) -> np.ndarray:
    """Intensity (T,) of posteriors (T, C): 1 - p(neutral)."""
    neutral = posteriors[:, classes.index("neutral")] if "neutral" in classes else 0.0
    return np.clip(1.0 - neutral, 0.0, 1.0).astype(np.float32) * np.ones(len(posteriors), np.float32)


def published_network(name: str, classes: int) -> tuple[PaperNetwork, dict[str, Any]]:
    """A network with published weights of WavLM, and a head with random ones.

    Args:
        name: Hugging Face id or folder of a WavLM.
        classes: of the head.

    Returns:
        The network, and the arguments besides `classes` that describe it.

    Raises:
        InputError: it cannot be loaded, or is no WavLM.
    """
    from transformers import AutoConfig, AutoFeatureExtractor, WavLMModel

    with hub_errors(name):
        config = AutoConfig.from_pretrained(name, trust_remote_code=False)
        if config.model_type != "wavlm":
            raise InputError(f"{name}: is a {config.model_type} model; the preset paper needs a WavLM")
        extractor = AutoFeatureExtractor.from_pretrained(name, trust_remote_code=False)
        values = config.to_dict()
        sizes = {key: list(values[key]) if isinstance(values[key], tuple) else values[key] for key in SIZES}
        sizes["normalize"] = bool(getattr(extractor, "do_normalize", False))
        network = PaperNetwork(classes, **sizes)
        network.encoder.model.load_state_dict(WavLMModel.from_pretrained(name).state_dict())
    return network, sizes
