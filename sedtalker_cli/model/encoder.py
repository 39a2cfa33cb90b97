"""The speech encoder: one pass over the sound, 50 feature frames a second, in windows of bounded length."""

import logging
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
import torch
from safetensors import SafetensorError
from torch import nn

from sedtalker_cli.clock import HOP_SAMPLES, SAMPLE_RATE
from sedtalker_cli.errors import InputError
from sedtalker_cli.model.backend import fastest, lacks_half_precision
from sedtalker_cli.model.checkpoint import check_sizes, checksum, config_errors, load_config, load_network
from sedtalker_cli.model.features import FeatureStore
from sedtalker_cli.model.layers.whisper import WhisperLayers
from sedtalker_cli.progress import Progress, silent

LOGGER = logging.getLogger("sedtalker")
MIN_SAMPLES = 2 * HOP_SAMPLES
MOST_LENGTH = 30.0  # s of a window; Whisper knows no later positions


@dataclass(frozen=True)
class WindowPlan:
    """How a long recording is cut: windows of `length` s start every `length - overlap` s and are cross-faded."""

    length: float = 12.0
    overlap: float = 2.0

    def __post_init__(self):
        if not 0 <= self.overlap <= self.length / 2 or not MIN_SAMPLES / SAMPLE_RATE <= self.length <= MOST_LENGTH:
            raise ValueError(f"windows of {self.length} s that overlap by {self.overlap} s")

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

        with hub_errors(name):
            self.model = AutoModel.from_pretrained(name, trust_remote_code=False)
            extractor = AutoFeatureExtractor.from_pretrained(name, trust_remote_code=False)
        strides = self.model.config.to_dict().get("conv_stride")
        if strides is None or int(np.prod(strides)) != HOP_SAMPLES:
            raise InputError(f"{name}: needs a model with a hop of 20 ms (wav2vec2, HuBERT, WavLM, Whisper)")
        self.taps = tuple(taps) if taps else last_layers(self.model.config.num_hidden_layers)
        self.normalize = bool(extractor.to_dict().get("do_normalize", False))

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """As `WhisperLayers.forward`; the sound is padded so that frame k is centred in [k, k+1) x 20 ms."""
        if self.normalize:
            mean, std = waveform.mean(1, keepdim=True), waveform.std(1, keepdim=True)
            waveform = (waveform - mean) / (std + 1e-7)
        frames = waveform.shape[1] // HOP_SAMPLES
        padded = nn.functional.pad(waveform, (40, 40 + HOP_SAMPLES))
        states = self.model(padded, output_hidden_states=True).hidden_states
        return torch.stack([states[t][:, :frames] for t in self.taps], dim=2)


@contextmanager
def hub_errors(name: str) -> Iterator[None]:
    """Turn what `transformers` says of a model that it cannot load into an `InputError` of one line."""
    try:
        yield
    except UnpicklingError as error:
        raise InputError(f"{name}: its weights are a pickle that holds code; get them as safetensors") from error
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, SafetensorError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"{name}: cannot be loaded as a speech encoder ({reason}); "
            "give a Hugging Face id or a local folder of a wav2vec2, HuBERT, WavLM or Whisper model"
        ) from error


def last_layers(depth: int) -> tuple[int, ...]:
    """Numbers of the last three of `depth` layers."""
    return tuple(range(max(1, depth - 2), depth + 1))


def hub_network(name: str) -> nn.Module:
    """The layers of a model of `transformers` by its Hugging Face id or folder.

    Raises:
        InputError: it cannot be loaded, or is no speech encoder.
    """
    from transformers import AutoConfig, WhisperModel

    with hub_errors(name):
        if AutoConfig.from_pretrained(name, trust_remote_code=False).model_type != "whisper":
            return HubLayers(name)
        model = WhisperModel.from_pretrained(name)
    config = model.config
    network = WhisperLayers(
        config.encoder_layers,
        last_layers(config.encoder_layers),
        d_model=config.d_model,
        encoder_attention_heads=config.encoder_attention_heads,
        encoder_ffn_dim=config.encoder_ffn_dim,
        num_mel_bins=config.num_mel_bins,
        max_source_positions=config.max_source_positions,
    )
    # The norm behind the last layer is the decoder's business; layers are taken before it.
    state = {k: v for k, v in model.encoder.state_dict().items() if not k.startswith("layer_norm.")}
    network.encoder.load_state_dict(state)
    return network


class SpeechEncoder:
    """A frozen encoder with its windowing; the same windows are used for a stream and for a whole file.

    Attributes:
        num_taps: L, kept layers.
        dim: D, feature size.
        source: what was loaded (folder or Hugging Face id).
        sha256: checksum of a bundled checkpoint, None for a model of `transformers`.
        precision: `fp32`, or `bf16` for products in half precision (features then differ by 3 %).
        threads: windows that are encoded at once; with more than one PyTorch must sum in one thread.
    """

    precision = "fp32"
    threads = 1

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
            with config_errors(folder):
                sizes = {"num_layers": config["num_layers"], "taps": config["taps"], **config["whisper"]}
                check_sizes(sizes)
                network = load_network(folder, lambda: WhisperLayers(**sizes))
                return cls(network, WindowPlan(**config["window"]), device, str(name_or_path), checksum(folder))
        return cls(hub_network(str(name_or_path)), WindowPlan(), device, str(name_or_path), None)

    def compute_in(self, precision: str) -> None:
        """Choose how features are computed from now on.

        Args:
            precision: `fp32` (PyTorch), `auto` (as exact, by the fastest means there are, see `backend`), or `bf16`.
        """
        if precision == "bf16" and self.device == "cpu" and lacks_half_precision():
            LOGGER.warning(
                "--precision bf16: this processor has neither AVX-512 BF16 nor AMX, and takes longer than in fp32; "
                "use --precision auto"
            )
        if precision == "auto" and self.device == "cpu":
            self.network = fastest(self.network)
        self.precision = "bf16" if precision == "bf16" else "fp32"

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
        with torch.autocast(batch.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            features = self.network(nn.functional.pad(batch, (0, padded - batch.shape[1])))[:, :frames].float()
        return features[0] if single else features

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
        overlap = self.plan.overlap_frames
        fade = ((torch.arange(overlap, device=self.device) + 0.5) / max(overlap, 1))[:, None, None]
        tail: torch.Tensor | None = None
        for features, last in self._encoded(self._windows(blocks)):
            if tail is not None:
                features = torch.cat([tail + fade * (features[:overlap] - tail), features[overlap:]])
            if last or not overlap:
                yield features
            else:
                tail = features[-overlap:]
                yield features[:-overlap]

    def _windows(self, blocks: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, bool]]:
        """Overlapping windows (n,) of the samples, and whether each is the last one."""
        length = self.plan.frames * HOP_SAMPLES
        hop = length - self.plan.overlap_frames * HOP_SAMPLES
        pending = np.zeros(0, np.float32)
        for block in blocks:
            pending = np.concatenate([pending, np.asarray(block, np.float32)])
            # A full window is only closed when more follows, so that a file of one window is never cut.
            while len(pending) > length:
                yield pending[:length], False
                pending = pending[hop:]
        if len(pending):
            yield pending, True

    def _encoded(self, windows: Iterable[tuple[np.ndarray, bool]]) -> Iterator[tuple[torch.Tensor, bool]]:
        """Features of each window in turn; several at once are the same to the last bit, as each has one thread."""
        if self.threads == 1:
            yield from ((self(window), last) for window, last in windows)
            return
        with ThreadPoolExecutor(self.threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            waiting: deque[tuple[Future[torch.Tensor], bool]] = deque()
            for window, last in windows:
                waiting.append((pool.submit(self, window), last))
                if len(waiting) > self.threads:
                    future, is_last = waiting.popleft()
                    yield future.result(), is_last
            yield from ((future.result(), is_last) for future, is_last in waiting)

    def store(self, blocks: Iterable[np.ndarray], progress: Progress = silent, expected: float = 0) -> FeatureStore:
        """Features of a recording of any length, in bounded memory.

        Args:
            blocks: consecutive pieces (n,) of one 16 kHz waveform.
            progress: called as (stage, done, total) with frames.
            expected: how many frames there will be, 0 if that is not known.

        Returns:
            (ceil(N / 320), L, D) float16.
        """
        features = FeatureStore(self.num_taps, self.dim)
        for piece in self.stream(blocks):
            features.append(piece)
            progress("listening", len(features), expected)
        return features

    def encode(self, blocks: Iterable[np.ndarray]) -> torch.Tensor:
        """As `store`, all of it in memory as a tensor."""
        return self.store(blocks)[:]
