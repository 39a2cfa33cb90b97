"""The animator: encoder features and an emotion timeline to 52 ARKit coefficients."""

import os
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from sedtalker_cli.clock import FRAME_RATE
from sedtalker_cli.errors import InputError
from sedtalker_cli.face.arkit import ARKIT_NAMES
from sedtalker_cli.model.checkpoint import (
    check_features,
    check_sizes,
    checksum,
    config_errors,
    load_config,
    load_network,
    names_of,
)
from sedtalker_cli.model.features import Features
from sedtalker_cli.model.layers.hybrid import HybridStack
from sedtalker_cli.model.layers.mix import LayerMix
from sedtalker_cli.model.windows import windowed

RESAMPLED_AT_ONCE = 4096  # frames: some copies of them are held


class EmotionCondition(nn.Module):
    """Soft embedding of a frame's emotion: class embeddings mixed by probability and intensity.

    With m = intensity x (1 - p_neutral): e = (1 - m) E_neutral + intensity x sum over c != neutral of p_c E_c.
    So an emotion of intensity 0 is the neutral one, whatever its class, and every change is continuous.

    Args:
        classes: names, one of them `neutral`.
        dim: size of the embedding.
        soft: False takes the likeliest class alone, in one of three strengths (0, 0.5, 1): the peer in ablations.
    """

    def __init__(self, classes: tuple[str, ...], dim: int, soft: bool = True):
        super().__init__()
        self.soft = soft
        self.neutral = classes.index("neutral")
        self.embedding = nn.Parameter(torch.randn(len(classes), dim))

    def forward(self, posteriors: torch.Tensor, intensity: torch.Tensor) -> torch.Tensor:
        """posteriors (B, T, C) and intensity (B, T) to (B, T, dim)."""
        if not self.soft:
            posteriors = F.one_hot(posteriors.argmax(-1), posteriors.shape[-1]).to(posteriors.dtype)
            intensity = (2 * intensity).round() / 2
        shares = posteriors * intensity.unsqueeze(-1)
        kept = torch.ones_like(shares[0, 0])
        kept[self.neutral] = 0
        shares = shares * kept
        rest = 1 - shares.sum(-1, keepdim=True)
        return shares @ self.embedding + rest * self.embedding[self.neutral]


class AnimatorNetwork(nn.Module):
    """Layer mix, hybrid stack conditioned on emotion and speaking style at every frame, linear output.

    The stack runs at 50 / stride frames a second; each of its frames gives `stride` frames of motion, so that short
    closures stay sharp.

    Args:
        classes: emotion names C.
        styles: names of speaking styles (sources of captured motion).
        num_taps, dim: of the encoder.
        outputs: coefficients K.
        d_model: width.
        layout: time mixers as in `HybridStack`.
        stride: encoder frames per frame of the stack.
        window: attention reach in the stack's frames to either side.
        emotion_dim, style_dim: sizes of the embeddings.
        dropout: probability.
        conditioning, soft: how a frame is told its emotion, see `HybridStack` and `EmotionCondition`.
    """

    def __init__(
        self,
        classes: tuple[str, ...],
        styles: tuple[str, ...],
        num_taps: int,
        dim: int,
        outputs: int = 52,
        d_model: int = 128,
        layout: str = "mama",
        stride: int = 2,
        window: int = 12,
        emotion_dim: int = 32,
        style_dim: int = 8,
        d_state: int = 8,
        dropout: float = 0.1,
        conditioning: str = "film",
        soft: bool = True,
    ):
        super().__init__()
        self.num_taps, self.dim, self.stride = num_taps, dim, stride
        self.mix, self.project = LayerMix(num_taps), nn.Linear(dim, d_model)
        self.pool = nn.Conv1d(d_model, d_model, 2 * stride + 1, stride=stride, padding=stride // 2 + 1)
        self.emotion = EmotionCondition(tuple(classes), emotion_dim, soft)
        self.style = nn.Embedding(len(styles), style_dim)
        condition_dim = emotion_dim + style_dim
        self.stack = HybridStack(
            layout,
            d_model,
            window=window,
            condition_dim=condition_dim,
            d_state=d_state,
            dropout=dropout,
            conditioning=conditioning,
        )
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Sequential(
            nn.Linear(d_model + condition_dim, d_model), nn.GELU(), nn.Linear(d_model, stride * outputs)
        )
        nn.init.zeros_(self.output[-1].weight)
        nn.init.zeros_(self.output[-1].bias)

    def forward(
        self,
        features: torch.Tensor,
        posteriors: torch.Tensor,
        intensity: torch.Tensor,
        style: torch.Tensor,
        mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """
        Args:
            features: (B, T, L, D) encoder layers.
            posteriors: (B, T, C).
            intensity: (B, T) in [0, 1].
            style: (B,) style numbers.
            mask: (B, T) with 1 for frames that exist.

        Returns:
            (B, T, K) coefficients, not yet clipped to [0, 1].
        """
        x, condition = self.listen(features, posteriors, intensity, style, mask)
        if mask is not None:
            fill = -features.shape[1] % self.stride
            mask = F.pad(mask, (0, fill)).unflatten(1, (-1, self.stride)).amax(-1)
        return self.move(self.stack(x, condition, mask), condition)[:, : features.shape[1]]

    def listen(
        self,
        features: torch.Tensor,
        posteriors: torch.Tensor,
        intensity: torch.Tensor,
        style: torch.Tensor,
        mask: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Input (B, S, D) and condition (B, S, K) of the stack; arguments as in `forward`, S = ceil(T / stride)."""
        frames, stride = features.shape[1], self.stride
        style_rows = self.style(style)[:, None].expand(-1, frames, -1)
        condition = torch.cat([self.emotion(posteriors, intensity), style_rows], dim=-1)
        x = self.dropout(self.project(self.mix(features)))
        if mask is not None:
            x = x * mask.unsqueeze(-1)
        fill = -frames % stride
        slow = (frames + fill) // stride
        x = F.gelu(self.pool(F.pad(x.transpose(1, 2), (0, fill)))[..., :slow]).transpose(1, 2)
        # The last frame's condition stands for those that fill up the last slow frame.
        condition = F.pad(condition.transpose(1, 2), (0, fill), mode="replicate" if fill else "constant")
        return x, F.avg_pool1d(condition, stride).transpose(1, 2)

    def move(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """What the stack gives (B, S, D), and the condition, to coefficients (B, S x stride, K)."""
        return self.output(torch.cat([x, condition], dim=-1)).unflatten(-1, (self.stride, -1)).flatten(1, 2)


def resample_frames(values: torch.Tensor, duration: float, fps: float) -> torch.Tensor:
    """Values at 50 frames a second, centred at (k + 0.5) / 50 s, read at k / fps by cubic convolution (Catmull-Rom).

    Args:
        values: (T, K).
        duration: of the recording in s.
        fps: wanted frames a second.

    Returns:
        (max(1, round(duration x fps)), K).
    """
    frames = max(1, round(duration * fps))
    return sample_frames(values, torch.arange(frames, dtype=torch.float64) / fps * FRAME_RATE - 0.5)


def sample_frames(values: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
    """Values between frames, by cubic convolution (Catmull-Rom); before the first and behind the last they stay.

    Args:
        values: (T, K).
        place: (N,) float64 frame numbers, fractions allowed.

    Returns:
        (N, K).
    """
    last = len(values) - 1
    place = place.to(values.device).clamp(0, last)
    # Continued in a straight line by one frame before and two behind, so that every frame has its neighbours.
    first, end = values[:1], values[-1:]
    slope = end - values[max(last - 1, 0)]
    ends = torch.cat([2 * first - values[min(1, last)], values, end + slope, end + 2 * slope])
    return torch.cat([_read_between(ends, piece) for piece in place.split(RESAMPLED_AT_ONCE)])


def _read_between(ends: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
    """Values (N, K) at places (N,) of rows of which the first is row -1."""
    left = place.floor().long()
    t = (place - left).to(ends.dtype).unsqueeze(-1)
    before, start, end, after = (ends[left + k] for k in range(4))
    slope_start, slope_end = (end - before) / 2, (after - start) / 2
    change = start - end
    return start + t * (
        slope_start + t * (-3 * change - 2 * slope_start - slope_end + t * (2 * change + slope_start + slope_end))
    )


def sharpen(motion: torch.Tensor, amount: float) -> torch.Tensor:
    """Restore fast movements, which a model of least squares damps because it cannot time them exactly.

    With L the low-pass (1, 0, 2, 0, 1) / 4 at 50 frames a second, x + amount (1 - L)^2 x: movements of 12.5 Hz gain the
    factor 1 + amount, those under 6 Hz less than a quarter of that, rest and single-frame tremble nothing.

    Args:
        motion: (T, K) at 50 frames a second.
        amount: 0 changes nothing.
    """
    if amount == 0 or len(motion) < 2:
        return motion

    def low(x: torch.Tensor) -> torch.Tensor:
        ends = torch.cat([x[:1].expand(2, -1), x, x[-1:].expand(2, -1)])
        return (ends[:-4] + 2 * x + ends[4:]) / 4

    high = motion - low(motion)
    return motion + amount * (high - low(high))


class Animator:
    """A trained animator.

    Attributes:
        classes: emotion names it was trained with.
        class_map: other models' class names -> its own.
        styles: speaking styles; the first is the default.
        sharpness: see `sharpen`.
        sha256: checksum of the checkpoint.
    """

    def __init__(self, network: AnimatorNetwork, config: dict[str, Any], device: str, sha256: str):
        self.network = network.to(device).eval().requires_grad_(False)
        self.device, self.sha256 = device, sha256
        self.classes, self.styles = tuple(config["classes"]), tuple(config["styles"])
        self.class_map: dict[str, str] = dict(config.get("class_map", {}))
        self.sharpness = float(config.get("sharpness", 0.0))
        if not 0 <= self.sharpness <= 10:
            raise ValueError(f"sharpness is {self.sharpness}")

    @classmethod
    def load(cls, folder: str | os.PathLike, device: str = "cpu") -> "Animator":
        """Load a checkpoint folder.

        Raises:
            InputError: no, damaged or foreign checkpoint.
        """
        config = load_config(folder, "animator")
        with config_errors(folder):
            classes, styles, sizes = names_of(config["classes"]), names_of(config["styles"]), config["network"]
            check_sizes(sizes)
            if sizes.get("outputs", len(ARKIT_NAMES)) != len(ARKIT_NAMES):
                raise ValueError(f"outputs is {sizes['outputs']}, not ARKit's {len(ARKIT_NAMES)}")
            network = load_network(folder, lambda: AnimatorNetwork(classes, styles, **sizes))
            return cls(network, config, device, checksum(folder))

    def map_posteriors(self, posteriors: np.ndarray, classes: tuple[str, ...]) -> np.ndarray:
        """Posteriors over another model's classes as posteriors over this one's.

        Args:
            posteriors: (T, C).
            classes: their names.

        Raises:
            InputError: a class has no counterpart here.
        """
        mapped = np.zeros((len(posteriors), len(self.classes)), np.float32)
        for column, name in enumerate(classes):
            target = self.class_map.get(name, name)
            if target not in self.classes:
                raise InputError(
                    f"this animator does not know the emotion {name!r}; it knows {', '.join(self.classes)}"
                )
            mapped[:, self.classes.index(target)] += posteriors[:, column]
        return mapped

    @torch.inference_mode()
    def predict(
        self,
        features: Features,
        posteriors: np.ndarray,
        intensity: np.ndarray,
        duration: float,
        fps: float,
        style: str | None = None,
    ) -> np.ndarray:
        """Motion of a recording.

        Args:
            features: (T, L, D) as from `SpeechEncoder.encode` or `store`.
            posteriors: (T, C) over `classes`.
            intensity: (T,).
            duration: of the recording in s.
            fps: frames a second.
            style: one of `styles`; None is the first.

        Returns:
            (max(1, round(duration x fps)), 52) float32 ARKit coefficients in [0, 1]; zeros without features.

        Raises:
            InputError: unknown style.
        """
        if style is not None and style not in self.styles:
            raise InputError(f"this animator does not know the style {style!r}; it knows {', '.join(self.styles)}")
        if len(features) == 0:
            return np.zeros((max(1, round(duration * fps)), len(ARKIT_NAMES)), np.float32)
        check_features(self.network, features)
        number = torch.tensor([self.styles.index(style) if style else 0], device=self.device)

        def listen(f: torch.Tensor, p: torch.Tensor, i: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return self.network.listen(f.to(self.device).float(), p.to(self.device), i.to(self.device), number)

        inputs = [
            features,
            torch.as_tensor(posteriors, dtype=torch.float32),
            torch.as_tensor(intensity, dtype=torch.float32),
        ]
        stride = self.network.stride
        # The pooling of `listen` hears its neighbours only; the stack takes the recording as a whole.
        x, condition = (
            y[None] for y in windowed(listen, inputs, core=1000 * stride, context=4 * stride, stride=stride)
        )
        x = self.network.stack.in_pieces(x, condition)
        motion = self.network.move(x, condition)[0, : len(features)]
        motion = sharpen(motion.cpu(), self.sharpness)
        return resample_frames(motion, duration, fps).clamp(0, 1).numpy()
