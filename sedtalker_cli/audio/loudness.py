"""How loud a recording is, every 20 ms, measured block by block."""

from dataclasses import dataclass

import numpy as np

from sedtalker_cli.clock import HOP, SAMPLE_RATE

SPAN = 35.0  # dB from the softest that counts up to the recording's loud frames
LOUD = 95  # percentile of the levels that stands for loud frames
MOST_CLIPPED = 1e-3  # share of the samples; a peak now and then is no harm
QUIET = -60.0  # dB of full scale of loud frames
SILENT = -100.0  # dB that stand for nothing at all
CLICK = 9  # frames; what is loud for less than half of them does not tell how loud a recording is
FULL = 0.99  # of full scale; samples from there on count as cut off
FRAME = round(HOP * SAMPLE_RATE)


def speech_level(levels: np.ndarray) -> float:
    """Level of the loud frames of what is to be heard, in dB.

    Args:
        levels: (T,) of frames of 20 ms in dB. Those more than `SPAN` below the loudest do not count: a few words
            in an hour of silence are as loud as in a minute.
    """
    whole = len(levels) // CLICK * CLICK
    loudest = float(np.median(levels[:whole].reshape(-1, CLICK), axis=1).max() if whole else levels.max())
    return float(np.percentile(levels[levels > loudest - SPAN], LOUD))


class LevelMeter:
    """Level of every frame of 20 ms; blocks may be of any length."""

    def __init__(self) -> None:
        self._rest, self._levels = np.empty(0, np.float32), []

    def __call__(self, block: np.ndarray) -> None:
        """Take the next samples (n,)."""
        samples = np.concatenate([self._rest, block])
        whole = len(samples) // FRAME * FRAME
        self._levels.append(_level(samples[:whole].reshape(-1, FRAME)))
        self._rest = samples[whole:]

    def levels(self) -> np.ndarray:
        """(T50,) float64 in dB of full scale; an incomplete last frame counts."""
        return np.concatenate([*self._levels, _level(self._rest[None])] if len(self._rest) else self._levels)

    def loudness(self) -> np.ndarray:
        """(T50,) float64, 0 to 1 from `SPAN` below the loud frames up to them."""
        levels = self.levels()
        return np.clip((levels - np.percentile(levels, LOUD)) / SPAN + 1.0, 0.0, 1.0)


@dataclass(frozen=True)
class SoundFacts:
    """What a recording's samples tell of how it was made.

    Attributes:
        peak: highest absolute sample, full scale 1.
        clipped: share of the samples at or above `FULL`.
        level: dB of full scale of its loud frames.
        offset: mean of all samples, which is no sound; taken out of `level` where it counts.
    """

    peak: float
    clipped: float
    level: float
    offset: float = 0.0


class SoundMeter(LevelMeter):
    """Level of every frame, and facts about the whole; blocks may be of any length."""

    def __init__(self) -> None:
        super().__init__()
        self._peak, self._full, self._samples, self._sum = 0.0, 0, 0, 0.0

    def __call__(self, block: np.ndarray) -> None:
        super().__call__(block)
        height = np.abs(block)
        self._peak = max(self._peak, float(height.max(initial=0.0)))
        self._full += int(np.count_nonzero(height >= FULL))
        self._samples += len(block)
        self._sum += float(block.sum(dtype=np.float64))

    def facts(self) -> SoundFacts:
        """Of what has passed by; nothing at all is silence."""
        count = max(1, self._samples)
        level = speech_level(self.levels()) if self._samples else SILENT
        return SoundFacts(self._peak, self._full / count, level, round(self._sum / count, 9))


def describe_sound(sound: SoundFacts) -> list[str]:
    """What a listener should know of a recording's level, a line each."""
    notes = []
    if sound.clipped > MOST_CLIPPED:
        notes.append(f"clipped ({100 * sound.clipped:.1f} % of the samples)")
    if sound.level < QUIET:
        notes.append(f"very quiet ({sound.level:.0f} dB)")
    return notes


def _level(frames: np.ndarray) -> np.ndarray:
    """Level (T,) of frames (T, n) in dB of full scale."""
    return 10.0 * np.log10(np.square(frames, dtype=np.float64).mean(1) + 1e-10)
