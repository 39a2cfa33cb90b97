"""Where there is speech: energy against the recording's own noise floor and loudness, with hysteresis."""

import numpy as np

from sedtalker_cli.clock import HOP_SAMPLES, SAMPLE_RATE
from sedtalker_cli.errors import InputError

# Levels are in dB of full scale, weighted by frequency (see `frame_levels`); gaps and margins count frames.
# The values were set on recordings with phone times labelled by hand, with noise, hum and padding added.
_DIGITAL_SILENCE = -90.0  # below it lies only padding, which says nothing about the noise of the room
_FLOOR, _PEAK = 5, 95  # percentiles of the levels that stand for the room's noise and for loud speech
_FLAT = 12.0  # dB from floor to peak; with less there is no silence to tell from speech
_CORE = 0.5  # part of the way from floor to peak that finds speech ...
_CORE_DEPTH = (25.0, 12.0)  # ... kept between these dB below the peak
_EDGE = 0.25  # the same for following speech outwards to its soft edges
_EDGE_DEPTH = (35.0, 18.0)
_CORE_FRAMES = 3  # fewer loud frames in a row are a click
_JOIN = 8  # a closure before a final stop's release is shorter than this
_BRIDGE = 15  # shorter pauses belong to the speech around them
_MARGIN = 2  # kept on both sides for onsets and releases below the threshold
_HUM = 90.0  # Hz; mains hum and rumble below it are left out
_CORNER = 4000.0  # Hz; up to it the power's weight grows with the root of frequency, for the sake of consonants


def speech_activity(waveform: np.ndarray, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """Tell speech from pauses in every 20 ms.

    Both thresholds follow the recording: quiet speech in a quiet room passes like loud speech in a noisy one.

    Args:
        waveform: (N,) float32, full scale 1.
        sample_rate: Hz; at 16 kHz a frame is 320 samples.

    Returns:
        (ceil(N / 320),) bool, True where somebody speaks; all False in silence.

    Raises:
        InputError: The waveform has more than one dimension or holds NaN.
    """
    level = frame_levels(waveform, _hop(sample_rate))
    sounding = level > _DIGITAL_SILENCE
    if not sounding.any():
        return np.zeros(len(level), bool)
    floor, peak = np.percentile(level[sounding], (_FLOOR, _PEAK))
    if peak - floor < _FLAT:
        return _bridged(sounding, _BRIDGE)
    core = level > _threshold(floor, peak, _CORE, _CORE_DEPTH)
    edge = level > _threshold(floor, peak, _EDGE, _EDGE_DEPTH)
    loud = np.zeros(len(level), bool)
    for start, stop in _runs(core):
        loud[start:stop] = stop - start >= _CORE_FRAMES
    active = np.zeros(len(level), bool)
    for start, stop in _runs(_bridged(edge, _JOIN)):
        if loud[start:stop].any():
            active[max(0, start - _MARGIN) : stop + _MARGIN] = True
    return _bridged(active, _BRIDGE)


def speech_bounds(waveform: np.ndarray, sample_rate: int = SAMPLE_RATE) -> tuple[int, int]:
    """Find where speech starts and ends, to cut silence off both ends.

    Args:
        waveform: (N,) float32, full scale 1.
        sample_rate: Hz.

    Returns:
        (start, end) in samples, a multiple of 20 ms apart from the end of the file; (0, N) where no speech is
        found, so that nothing is lost.

    Raises:
        InputError: The waveform has more than one dimension or holds NaN.
    """
    active = np.flatnonzero(speech_activity(waveform, sample_rate))
    if not len(active):
        return 0, len(waveform)
    hop = _hop(sample_rate)
    return int(active[0]) * hop, min((int(active[-1]) + 1) * hop, len(waveform))


def frame_levels(waveform: np.ndarray, hop: int = HOP_SAMPLES) -> np.ndarray:
    """Level of every frame, weighted by frequency so that neither hum nor vowels hide consonants.

    Args:
        waveform: (N,) float32.
        hop: Samples in a frame; the last frame may be shorter.

    Returns:
        (ceil(N / hop),) in dB of full scale.

    Raises:
        InputError: The waveform has more than one dimension or holds NaN.
    """
    waveform = np.asarray(waveform, np.float32)
    if waveform.ndim != 1:
        raise InputError(f"a waveform of shape {waveform.shape}: mix it down to one channel first")
    if np.isnan(waveform).any():
        raise InputError("the waveform holds NaN: decode it again or clean it")
    count = -(-len(waveform) // hop)
    frames = np.pad(waveform, (0, count * hop - len(waveform))).reshape(count, hop)
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(hop).astype(np.float32))) ** 2
    frequency = np.fft.rfftfreq(hop, HOP_SAMPLES / SAMPLE_RATE / hop)
    weight = np.sqrt(np.minimum(frequency / _CORNER, 1)) * (frequency > _HUM)
    return 10 * np.log10(spectrum @ weight / hop + 1e-12)


def _hop(sample_rate: int) -> int:
    return round(HOP_SAMPLES * sample_rate / SAMPLE_RATE)


def _threshold(floor: float, peak: float, part: float, depth: tuple[float, float]) -> float:
    """A level between floor and peak, kept between `depth` dB below the peak."""
    return float(np.clip(floor + part * (peak - floor), peak - depth[0], peak - depth[1]))


def _runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """(start, stop) of every run of True."""
    edges = np.flatnonzero(np.diff(flags.astype(np.int8), prepend=0, append=0))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _bridged(active: np.ndarray, gap: int) -> np.ndarray:
    """Close gaps shorter than `gap` frames inside, never at the ends."""
    closed = active.copy()
    for start, stop in _runs(~active):
        if start > 0 and stop < len(active) and stop - start < gap:
            closed[start:stop] = True
    return closed
