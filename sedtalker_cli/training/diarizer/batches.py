"""Batches of the diarizer's training: recordings through the encoder, padded and masked."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch

from sedtalker_cli.data.composites import Composite, CompositeSampler
from sedtalker_cli.model.encoder import SpeechEncoder
from sedtalker_cli.progress import Progress
from sedtalker_cli.training.diarizer.labels import collate
from sedtalker_cli.training.diarizer.settings import DiarizerTraining


def encoded_batches(
    encoder: SpeechEncoder,
    sampler: CompositeSampler,
    settings: DiarizerTraining,
    number: int,
    progress: Progress,
) -> Iterator[dict[str, Any]]:
    """Batches of a draw, of similar lengths; sound is drawn ahead by another thread.

    Yields:
        as `collate`, with `features`, one (T, L, D) float16 a recording.
    """
    size = 8 * settings.batch

    def pool(start: int) -> list[list[Composite]]:
        drawn = [sampler.draw(number, i) for i in range(start, min(start + size, settings.composites))]
        drawn.sort(key=lambda c: c.duration)
        batches = [drawn[i : i + settings.batch] for i in range(0, len(drawn), settings.batch)]
        shuffled = np.random.default_rng([settings.seed, number, start, 2]).permutation(len(batches))
        return [batches[i] for i in shuffled]

    with ThreadPoolExecutor(1) as ahead:
        coming, done = ahead.submit(pool, 0), 0
        for start in range(0, settings.composites, size):
            batches = coming.result()
            coming = ahead.submit(pool, start + size)
            for composites in batches:
                done += len(composites)
                progress(f"encoding draw {number}", done, settings.composites)
                yield collate(composites) | {"features": encode_batch(encoder, composites, settings)}


def encode_batch(
    encoder: SpeechEncoder, composites: Sequence[Composite], settings: DiarizerTraining
) -> list[torch.Tensor]:
    """Features (T, L, D) float16 of each recording; six of similar length at once, to pad little."""
    order = sorted(range(len(composites)), key=lambda i: len(composites[i].waveform))
    features: dict[int, torch.Tensor] = {}
    for start in range(0, len(order), 6):
        chosen = order[start : start + 6]
        with torch.autocast("cpu", torch.bfloat16, enabled=settings.precision == "bfloat16"):
            found, mask = encoder.batch([composites[i].waveform for i in chosen])
        features |= {i: row[seen].half() for i, row, seen in zip(chosen, found, mask, strict=True)}
    return [features[i] for i in range(len(composites))]


def padded(features: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Recordings (T, L, D) as one batch (B, T, L, D) float32, and its mask (B, T) bool."""
    lengths = torch.tensor([len(row) for row in features])
    batch = torch.nn.utils.rnn.pad_sequence(list(features), batch_first=True).float()
    return batch, torch.arange(batch.shape[1]) < lengths[:, None]


def mask_spans(features: torch.Tensor, share: float) -> torch.Tensor:
    """Hide spans of 0.2 s and bands of 1/8 of the channels, each a share of the whole (cf. wav2vec 2.0, SpecAugment).

    Args:
        features: (B, T, L, D).
        share: expected part that is hidden, of frames and of channels.
    """
    if not share:
        return features
    batch, frames, _, channels = features.shape
    spans, band = -(-frames // 10), max(1, channels // 8)
    kept_frames = (torch.rand(batch, spans) >= share).repeat_interleave(10, 1)[:, :frames]
    kept_channels = (torch.rand(batch, -(-channels // band)) >= share).repeat_interleave(band, 1)[:, :channels]
    return features * kept_frames[:, :, None, None] * kept_channels[:, None, None]
