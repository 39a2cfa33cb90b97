"""Values between frames, and frames as sharp as they were."""

import torch

from sedtalker_cli.clock import FRAME_RATE
from sedtalker_cli.model.features import Features

RESAMPLED_AT_ONCE = 4096  # frames: some copies of them are held


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


class SampledFeatures:
    """Features between frames, read piece by piece: what is on disk stays there.

    Args:
        features: (T, L, D).
        place: (N,) float64 rising frame numbers, as `sample_frames` takes them.

    Attributes:
        shape: (N, L, D).
    """

    def __init__(self, features: Features, place: torch.Tensor):
        self._features, self._place = features, place.clamp(0, len(features) - 1)
        self.shape = (len(place), *features.shape[1:])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: slice) -> torch.Tensor:
        """(n, L, D) float32 of a slice that is not empty."""
        place = self._place[key]
        begin = max(int(place[0]) - 1, 0)
        piece = self._features[begin : int(place[-1]) + 3].float()
        return sample_frames(piece.flatten(1), place - begin).unflatten(1, piece.shape[1:])


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
