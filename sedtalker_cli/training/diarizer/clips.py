"""Single clips for the statistics networks: mean and mean square of the features of speech, as recorded and worn."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from sedtalker_cli.clock import HOP
from sedtalker_cli.data.composites import loud_frames
from sedtalker_cli.data.corpora import Utterance
from sedtalker_cli.data.recorded import worn
from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.model.checkpoint import fingerprint
from sedtalker_cli.model.encoder import SpeechEncoder
from sedtalker_cli.progress import Progress, silent
from sedtalker_cli.training.data_marks import mark_recording
from sedtalker_cli.training.diarizer.labels import intensity_target, known_classes

WINDOWS = 2  # parts of a clip, besides the whole
SHORTEST, LONGEST = 25, 90  # frames of speech in such a part
LEAST = 5  # frames of speech without which a clip teaches nothing
SAMPLED = 4  # frames of a clip for the detector of speech
IN_JOINED = -1  # number of the copy that was encoded inside a joined recording


@dataclass(frozen=True)
class ClipSet:
    """Statistics of N stretches of speech, and frames that are speech or not.

    Attributes:
        mean, square: (N, K) float16 of normalised features, over frames of speech.
        frames: (N,) of speech.
        whole: (N,) bool, whether the stretch is all of a clip.
        copy: (N,) 0 as recorded, else the number of a worn copy; `IN_JOINED` inside a joined recording.
        accepted: (N, C) bool, classes that count as right; none where nothing is told.
        known: (N, C) bool, classes that the corpus can tell.
        intensity: (N,) with NaN where unknown.
        corpus, speaker, path: (N,) names; a speaker's has the corpus before it.
        sample: (M, K) float16 frames; sample_speech: (M,) bool; sample_speaker: (M,) names.
    """

    mean: np.ndarray
    square: np.ndarray
    frames: np.ndarray
    whole: np.ndarray
    copy: np.ndarray
    accepted: np.ndarray
    known: np.ndarray
    intensity: np.ndarray
    corpus: np.ndarray
    speaker: np.ndarray
    path: np.ndarray
    sample: np.ndarray
    sample_speech: np.ndarray
    sample_speaker: np.ndarray

    def __len__(self) -> int:
        return len(self.mean)

    def of(self, speakers: Sequence[str]) -> ClipSet:
        """What some speakers say."""
        rows, drawn = np.isin(self.speaker, speakers), np.isin(self.sample_speaker, speakers)
        return ClipSet(
            **{f.name: getattr(self, f.name)[drawn if f.name.startswith("sample") else rows] for f in fields(self)}
        )

    def __add__(self, other: ClipSet) -> ClipSet:
        """The rows of both."""
        return ClipSet(
            **{f.name: np.concatenate([getattr(self, f.name), getattr(other, f.name)]) for f in fields(self)}
        )


def encode_clips(
    folder: Path,
    utterances: Sequence[Utterance],
    load: Callable[[Utterance], np.ndarray],
    encoder: SpeechEncoder,
    copies: int = 1,
    seed: int = 0,
    progress: Progress = silent,
) -> ClipSet:
    """Encode clips, or take what a run with the same clips left in the folder.

    Args:
        folder: one file a corpus and copy.
        utterances: the clips.
        load: gives a clip's waveform (N,) at 16 kHz as recorded.
        encoder: hears them.
        copies: worn copies of each.
        seed: of copies and windows.
        progress: called as (stage, done, total).
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts, voices = [], [load(u) for u in utterances if not u.accepted or u.label == "neutral"][:24]
    total = len(utterances) * (1 + copies)
    done = 0
    for corpus in sorted({u.corpus for u in utterances}):
        spoken = [u for u in utterances if u.corpus == corpus]
        said = (f"{u.path.name} {mark_recording(u)}" for u in spoken)
        key = zlib.crc32("\n".join([str(seed), fingerprint(encoder), *said]).encode())
        for copy in range(1 + copies):
            file = folder / f"{corpus}-{copy}-{key:08x}.npz"
            if not file.is_file():
                rows = []
                for utterance in spoken:
                    rows += _stretches(utterance, copy, load(utterance), encoder, seed, voices)
                    done += 1
                    progress("encoding clips", done, total)
                _save(file, rows)
            else:
                done += len(spoken)
            with np.load(file, allow_pickle=False) as kept:
                parts.append({name: kept[name] for name in kept.files})
    return ClipSet(
        **{f.name: np.concatenate([part[f.name] for part in parts if f.name in part]) for f in fields(ClipSet)}
    )


def _stretches(
    utterance: Utterance,
    copy: int,
    waveform: np.ndarray,
    encoder: SpeechEncoder,
    seed: int,
    voices: Sequence[np.ndarray],
) -> list[dict[str, np.ndarray]]:
    """Rows of a clip: the whole (or each marked span), parts of it, and frames for the detector."""
    rng = np.random.default_rng([seed, copy, zlib.crc32(str(utterance.path.name).encode())])
    if copy and not utterance.segments:  # spans would move
        waveform, speech = worn(waveform, rng, voices)
    else:
        speech = loud_frames(waveform)
    features = encoder.encode([waveform]).float()
    x = F.layer_norm(features, features.shape[-1:]).flatten(1).numpy()
    speech = speech[: len(x)]
    picked = rng.integers(len(x), size=SAMPLED)
    speaker = f"{utterance.corpus}/{utterance.speaker}"
    rows = []
    for start, end, part in utterance.parts(len(x) * HOP):
        a, b = round(start / HOP), round(end / HOP)
        heard = x[a:b][speech[a:b]]
        if len(heard) < LEAST:
            continue
        spans = [(0, len(heard))]
        for _ in range(WINDOWS):
            length = int(rng.integers(SHORTEST, LONGEST))
            if len(heard) > length + LEAST:
                first = int(rng.integers(len(heard) - length))
                spans.append((first, first + length))
        for number, (first, last) in enumerate(spans):
            piece = heard[first:last]
            rows.append(
                {
                    "mean": piece.mean(0).astype(np.float16),
                    "square": (piece**2).mean(0).astype(np.float16),
                    "frames": np.int64(len(piece)),
                    "whole": np.bool_(number == 0),
                    "copy": np.int64(copy),
                    "accepted": np.array([name in part.accepted for name in EMOTIONS]),
                    "known": known_classes(part.corpus),
                    "intensity": np.float32(intensity_target(part)),
                    "corpus": np.str_(part.corpus),
                    "speaker": np.str_(speaker),
                    "path": np.str_(utterance.path.name),
                }
            )
    sample = {
        "sample": x[picked].astype(np.float16),
        "sample_speech": speech[picked] & utterance.speech,
        "sample_speaker": np.array([speaker] * SAMPLED),
    }
    return [*rows, sample]


def _save(file: Path, rows: Sequence[dict[str, np.ndarray]]) -> None:
    found = [row for row in rows if "mean" in row]
    samples = [row for row in rows if "sample" in row]
    values = {name: np.stack([row[name] for row in found]) for name in (found[0] if found else ())}
    values |= {name: np.concatenate([row[name] for row in samples]) for name in samples[0]}
    part = file.with_suffix(".part.npz")
    np.savez(part, **values)
    part.rename(file)


def as_tensor(values: np.ndarray) -> torch.Tensor:
    """Float32 tensor of an array."""
    return torch.from_numpy(np.asarray(values, np.float32))
