"""One voice of several: sound that is silent outside given spans."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from sedtalker_cli.clock import SAMPLE_RATE

FADE = 0.01  # s over which the sound comes and goes, inside the spans


def keep_spans(blocks: Iterable[np.ndarray], spans: Sequence[tuple[float, float]]) -> Iterator[np.ndarray]:
    """Silence a stream of sound outside spans.

    Args:
        blocks: consecutive pieces (n,) of one 16 kHz waveform.
        spans: (start, end) in s, in any order; may overlap and reach beyond the sound.

    Yields:
        pieces of the same lengths.
    """
    merged: list[list[float]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    first = 0
    for block in blocks:
        times = (first + np.arange(len(block)) + 0.5) / SAMPLE_RATE
        gain = np.zeros(len(block), np.float32)
        begin, stop = first / SAMPLE_RATE, (first + len(block)) / SAMPLE_RATE
        for start, end in merged:
            if start < stop and end > begin:
                gain = np.maximum(gain, np.clip(np.minimum(times - start, end - times) / FADE, 0, 1))
        first += len(block)
        yield (block * gain).astype(np.float32)
