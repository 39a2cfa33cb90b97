"""The speech encoder: one pass over the sound, 50 feature frames a second, in windows of bounded length."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from sedtalker_cli.errors import InputError
from sedtalker_cli.model.checkpoint import checksum, load_config, load_into
from sedtalker_cli.model.features import FeatureStore
from sedtalker_cli.model.mel import SAMPLE_RATE
from sedtalker_cli.model.whisper import WhisperLayers

HOP_SAMPLES = 320
MIN_SAMPLES = 2 * HOP_SAMPLES


@dataclass(frozen=True)
class WindowPlan:
    """How a long recording is cut: windows of `length` s start every `length - overlap` s and are cross-faded."""

    length: float = 12.0
    overlap: float = 2.0

    @property
    def frames(self) -> int:
        return round(self.length * SAMPLE_RATE / HOP_SAMPLES)

    @property
    def overlap_frames(self) -> int:
        return round(self.overlap * SAMPLE_RATE / HOP_SAMPLES)


class HubLayers(nn.Module):
    """Any self-supervised speech model of `transformers` with a 20 ms hop (wav2vec 2.0, HuBERT, WavLM).

    Args:
        name: Hugging Face id or local folder.
        taps: 1-based layers whose output is kept; None keeps the last three.
    """

    def __init__(self, name: str, taps: tuple[int, ...] | None = None):
        super().__init__()
        from transformers import AutoFeatureExtractor, AutoModel

        try:
            self.model = AutoModel.from_pretrained(name)
            extractor = AutoFeatureExtractor.from_pretrained(name)
        except (OSError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(
                f"{name}: cannot be loaded as a speech encoder ({reason}); "
                "give a Hugging Face id or a local folder of a wav2vec2, HuBERT or WavLM model"
            ) from error
        strides = getattr(self.model.config, "conv_stride", None)
        if strides is None or int(np.prod(strides)) != HOP_SAMPLES:
            raise InputError(f"{name}: needs a model with a hop of 20 ms (wav2vec2, HuBERT, WavLM)")
        depth = self.model.config.num_hidden_layers
        self.taps = tuple(taps) if taps else tuple(range(max(1, depth - 2), depth + 1))
        self.normalize = bool(getattr(extractor, "do_normalize", False))

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """As `WhisperLayers.forward`; the sound is padded so that frame k is centred in [k, k+1) x 20 ms."""
        if self.normalize:
            mean, std = waveform.mean(1, keepdim=True), waveform.std(1, keepdim=True)
            waveform = (waveform - mean) / (std + 1e-7)
        frames = waveform.shape[1] // HOP_SAMPLES
        padded = nn.functional.pad(waveform, (40, 40 + HOP_SAMPLES))
        states = self.model(padded, output_hidden_states=True).hidden_states
        return torch.stack([states[t][:, :frames] for t in self.taps], dim=2)


class SpeechEncoder:
    """A frozen encoder with its windowing; the same windows are used for a stream and for a whole file.

    Attributes:
        num_taps: L, kept layers.
        dim: D, feature size.
        source: what was loaded (folder or Hugging Face id).
        sha256: checksum of a bundled checkpoint, None for a model of `transformers`.
    """

    def __init__(self, network: nn.Module, plan: WindowPlan, device: str, source: str, sha256: str | None):
        self.network = network.to(device).eval().requires_grad_(False)
        self.plan, self.device, self.source, self.sha256 = plan, device, source, sha256
        with torch.inference_mode():
            probe = self.network(torch.zeros(1, MIN_SAMPLES, device=device))
        self.num_taps, self.dim = probe.shape[2], probe.shape[3]

    @classmethod
    def load(cls, name_or_path: str | os.PathLike, device: str = "cpu") -> "SpeechEncoder":
        """Load a bundled-format folder, or else a Hugging Face id or local folder of `transformers`.

        Raises:
            InputError: neither can be loaded.
        """
        folder = Path(name_or_path)
        if (folder / "model.safetensors").is_file() and not (folder / "preprocessor_config.json").is_file():
            config = load_config(folder, "encoder")
            network = WhisperLayers(config["num_layers"], tuple(config["taps"]), **config["whisper"])
            load_into(network, folder)
            plan = WindowPlan(**config["window"])
            return cls(network, plan, device, str(name_or_path), checksum(folder))
        return cls(HubLayers(str(name_or_path)), WindowPlan(), device, str(name_or_path), None)

    @torch.inference_mode()
    def __call__(self, waveform: np.ndarray | torch.Tensor) -> torch.Tensor:
        """Features of ONE window.

        Args:
            waveform: (N,) or (B, N) at 16 kHz, at most the plan's length; zeros fill the last frame.

        Returns:
            (ceil(N / 320), L, D) float32, or with a leading B.
        """
        batch = torch.as_tensor(waveform, dtype=torch.float32, device=self.device)
        single = batch.ndim == 1
        batch = batch[None] if single else batch
        frames = -(-batch.shape[1] // HOP_SAMPLES)
        padded = max(frames * HOP_SAMPLES, MIN_SAMPLES)
        features = self.network(nn.functional.pad(batch, (0, padded - batch.shape[1])))[:, :frames]
        return features[0] if single else features

    def layers_above(self, count: int) -> dict[str, torch.Tensor]:
        """State of the `count` layers above the lowest tap, with names that start with `layers.`.

        Raises:
            InputError: not a Whisper encoder, or it has fewer layers there.
        """
        layers = self.network.encoder.layers if isinstance(self.network, WhisperLayers) else ()
        chosen = layers[self.network.taps[0] :][:count] if layers else ()
        if len(chosen) < count:
            raise InputError(f"{self.source}: has no {count} layers that can be trained along; use tuned_layers 0")
        return {f"layers.{i}.{name}": t for i, layer in enumerate(chosen) for name, t in layer.state_dict().items()}

    @torch.no_grad()
    def batch(self, waveforms: Sequence[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
        """Features of several short recordings, each as if it were alone.

        Args:
            waveforms: (N,) at 16 kHz, at most the plan's length.

        Returns:
            features (B, T, L, D) and mask (B, T) bool, False behind the end of the shorter ones.
        """
        lengths = torch.tensor([-(-len(w) // HOP_SAMPLES) for w in waveforms], device=self.device)
        mask = torch.arange(int(lengths.max()), device=self.device) < lengths[:, None]
        if not isinstance(self.network, WhisperLayers):
            return nn.utils.rnn.pad_sequence([self(w) for w in waveforms], batch_first=True), mask
        padded = np.zeros((len(waveforms), max(mask.shape[1] * HOP_SAMPLES, MIN_SAMPLES)), np.float32)
        for row, waveform in zip(padded, waveforms, strict=True):
            row[: len(waveform)] = waveform
        return self.network(torch.as_tensor(padded, device=self.device), mask), mask

    def stream(self, blocks: Iterable[np.ndarray]) -> Iterator[torch.Tensor]:
        """Features of a stream of samples, window by window, overlaps cross-faded linearly.

        Args:
            blocks: consecutive pieces (n,) of one 16 kHz waveform.

        Yields:
            (t, L, D) consecutive features; together ceil(N / 320) frames.
        """
        length, overlap = self.plan.frames * HOP_SAMPLES, self.plan.overlap_frames
        hop = length - overlap * HOP_SAMPLES
        fade = ((torch.arange(overlap, device=self.device) + 0.5) / max(overlap, 1))[:, None, None]
        pending = np.zeros(0, np.float32)
        tail: torch.Tensor | None = None

        def joined(features: torch.Tensor) -> torch.Tensor:
            if tail is None:
                return features
            mixed = tail + fade * (features[:overlap] - tail)
            return torch.cat([mixed, features[overlap:]])

        for block in blocks:
            pending = np.concatenate([pending, np.asarray(block, np.float32)])
            # A full window is only closed when more follows, so that a file of one window is never cut.
            while len(pending) > length:
                features = joined(self(pending[:length]))
                tail = features[-overlap:] if overlap else None
                yield features[:-overlap] if overlap else features
                pending = pending[hop:]
        if len(pending):
            yield joined(self(pending))

    def store(self, blocks: Iterable[np.ndarray], progress: Callable[[int], None] | None = None) -> FeatureStore:
        """Features of a recording of any length, in bounded memory.

        Args:
            blocks: consecutive pieces (n,) of one 16 kHz waveform.
            progress: called with the number of frames done.

        Returns:
            (ceil(N / 320), L, D) float16.
        """
        features = FeatureStore(self.num_taps, self.dim)
        for piece in self.stream(blocks):
            features.append(piece)
            if progress:
                progress(len(features))
        return features

    def encode(self, blocks: Iterable[np.ndarray], progress: Callable[[int], None] | None = None) -> torch.Tensor:
        """As `store`, all of it in memory as a tensor."""
        return self.store(blocks, progress)[:]
