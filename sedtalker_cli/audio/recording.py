"""A recording, decoded once: mono 16 kHz samples that can be read again and again, in bounded memory."""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from sedtalker_cli.audio.decoding import open_track, resampled
from sedtalker_cli.audio.files import check_file
from sedtalker_cli.audio.loudness import LevelMeter, SoundMeter, speech_level
from sedtalker_cli.audio.mixing import ChannelMeter
from sedtalker_cli.clock import SAMPLE_RATE
from sedtalker_cli.errors import InputError

MIN_SECONDS = 0.02  # one feature frame
IN_MEMORY = 1 << 21  # bytes of samples; more of them go to a temporary file
MAX_AMPLITUDE = 2.2e9  # full scale is 1, or that of 32-bit integers; files beyond this hold no sound
SCALES = {"16-bit": 2.0**15, "24-bit": 2.0**23, "32-bit": 2.0**31}  # of integers that were stored as they are
_OFFSET = 0.1  # of the loud frames' root mean square; a smaller constant does no harm
_OVER = 1.0  # root of the mean square that no sound with full scale 1 has


class Recording:
    """Samples of a sound file, or of a film with sound.

    Args:
        path: of the file.

    Attributes:
        path: of the file.
        samples: number of samples, 16,000 a second.
        notes: what a person should know: what was cut off, damaged or put right.
        facts: level, peak and clipping.
        scale, offset: what the file's samples are multiplied by, and what is then taken off them.
        rate: sample rate of the file.

    Raises:
        InputError: missing, unreadable, empty, not sound, or holds samples that are not finite.
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = Path(path)
        check_file(self.path)
        self.notes: list[str] = []
        self._channel: int | None = None
        self._channel = self._read()
        if self._channel is not None:
            self._read()
            self.notes.append(f"its channels cancel each other out: only channel {self._channel + 1} is heard")

    @property
    def duration(self) -> float:
        """In s."""
        return self.samples / SAMPLE_RATE

    def blocks(self, seconds: float = 10.0) -> Generator[np.ndarray, None, None]:
        """The samples in pieces.

        Args:
            seconds: length of a piece; the last one is shorter.

        Yields:
            (n,) float32, full scale 1.
        """
        size = max(round(seconds * SAMPLE_RATE), 1)
        for start in range(0, self.samples, size):
            self._store.seek(4 * start)
            block = np.frombuffer(self._store.read(4 * size), np.float32)
            if self.scale != 1:
                block = block * np.float32(self.scale)
            yield block - np.float32(self.offset) if self.offset else block.copy()

    def native_blocks(self, mono: bool = False) -> tuple[int, Generator[np.ndarray, None, None]]:
        """Decode once more, at the file's own rate.

        Args:
            mono: whether two channels become one, as they are heard; more than two always do.

        Returns:
            number C of channels, 1 or 2; blocks (n, C) float32, full scale 1.
        """
        track = open_track(self.path)
        both = track.channels == 2 and not mono

        def blocks() -> Generator[np.ndarray, None, None]:
            with closing(track.blocks):
                for block in track.blocks:
                    kept = block if both else self._mono(block)[:, None]
                    yield kept * np.float32(self.scale) - np.float32(self.offset)

        return 2 if both else 1, blocks()

    def _mono(self, block: np.ndarray) -> np.ndarray:
        """What is heard of (n, C): the mean (n,), or one channel."""
        return block.mean(axis=1, dtype=np.float32) if self._channel is None else block[:, self._channel]

    def _read(self) -> int | None:
        """Decode what is heard; gives the channel that should be heard instead of the mean, if so."""
        track = open_track(self.path)
        meter = ChannelMeter(track.channels, track.rate)
        self._store = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
        weakref.finalize(self, self._store.close)
        self.samples = 0

        def mono() -> Generator[np.ndarray, None, None]:
            for block in _finite(self.path, track.blocks):
                mean = meter(block)
                yield (mean if self._channel is None else self._mono(block))[:, None]

        for block in resampled(mono(), track.rate, SAMPLE_RATE):
            values = np.ascontiguousarray(block[:, 0], np.float32)
            self._store.write(values.data)
            self.samples += len(values)
        self._check_length()
        self.rate, self.scale, self.offset = track.rate, 1.0, 0.0
        self.notes = list(track.notes)
        if track.is_float and meter.rms > _OVER:
            self._rescale(meter.peak)
        self._measure()
        return meter.better_channel()

    def _check_length(self) -> None:
        if self.samples == 0:
            raise InputError(f"{self.path}: holds no samples; record or export it again")
        if self.samples < round(MIN_SECONDS * SAMPLE_RATE):
            raise InputError(
                f"{self.path}: lasts only {self.duration * 1000:.2g} ms; {MIN_SECONDS * 1000:.0f} ms are needed"
            )

    def _measure(self) -> None:
        """Facts of the samples; a constant that is not small beside them is taken out."""
        sound = SoundMeter()
        for block in self.blocks():
            sound(block)
        self.facts = sound.facts()
        if abs(self.facts.offset) > _OFFSET * 10 ** (self.facts.level / 20):
            self.offset = self.facts.offset
            self.notes.append(f"its samples have a constant offset of {self.offset:.2g}, which is left out")
            centred = LevelMeter()
            for block in self.blocks():
                centred(block)
            self.facts = replace(self.facts, level=speech_level(centred.levels()))

    def _rescale(self, peak: float) -> None:
        """Bring floating-point samples that are integers by their size to full scale 1."""
        name, full = next(((name, full) for name, full in SCALES.items() if peak <= 1.5 * full), ("32-bit", peak))
        self.scale = 1.0 / full
        self.notes.append(f"its floating-point samples are {name} integers (peak {peak:.0f}): scaled by 1/{full:.0f}")


def _finite(path: Path, blocks: Iterator[np.ndarray]) -> Generator[np.ndarray, None, None]:
    """Pass blocks on; at the first unusable sample read to the end, so that the error can name how many."""
    bad = 0
    for block in blocks:
        bad += block.size - int(np.count_nonzero(np.abs(block) < MAX_AMPLITUDE))  # NaN compares as False
        if not bad:
            yield block
    if bad:
        raise InputError(
            f"{path}: {bad} sample{'s are' if bad > 1 else ' is'} not a number, "
            f"infinite or absurdly large; repair or export it again"
        )
