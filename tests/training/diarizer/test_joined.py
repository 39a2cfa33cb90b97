"""Joined recordings for the stack: on disk once, in batches that hold each of them once."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sedtalker_cli.data.composites import Composite, CompositeSampler, Turn
from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.model.encoder import SpeechEncoder
from sedtalker_cli.training.diarizer.joined import PADDING, JoinedSet, encode_joined
from sedtalker_cli.training.diarizer.labels import UNLABELLED
from tests.training.diarizer.encoders import Ears
from tests.training.labelled import composite, utterance
from tests.training.recordings import RATE, buzz


class Fixed:
    """Draws the composites that it was given."""

    def __init__(self, composites: list[Composite]):
        self.composites = composites

    def draw(self, epoch: int, index: int) -> Composite:
        return self.composites[index]


class NumberEncoder:
    """A recording's first sample as the feature of all its frames."""

    num_taps, dim = 1, 1

    def batch(self, waveforms):
        lengths = torch.tensor([-(-len(w) // 320) for w in waveforms])
        features = torch.zeros(len(waveforms), int(lengths.max()), 1, 1)
        for row, waveform in zip(features, waveforms, strict=True):
            row[:] = float(waveform[0])
        return features, torch.arange(features.shape[1]) < lengths[:, None]


def numbered(number: int) -> Composite:
    """By one of three speakers; every frame is its number."""
    seconds = 0.2 + 0.02 * (number % 7)
    turn = Turn(0.0, seconds, replace(utterance(), speaker=f"{number % 3}"))
    return Composite(np.full(round(seconds * RATE), number, np.float32), (turn,))


@pytest.fixture
def hundred(tmp_path) -> JoinedSet:
    told = []
    found = encode_joined(
        tmp_path, Fixed([numbered(n) for n in range(100)]), 100, NumberEncoder(), lambda *what: told.append(what)
    )
    assert told[-1] == ("encoding joined recordings", 100, 100)
    return found


def number_of(joined: JoinedSet, row: int) -> int:
    (number,) = joined.row(row).unique().tolist()
    return int(number)


def test_features_labels_and_names_belong_together(hundred):
    numbers = [number_of(hundred, row) for row in range(100)]
    assert sorted(numbers) == list(range(100))
    assert (hundred.bounds[:, 1] - hundred.bounds[:, 0]).tolist() == [10 + n % 7 for n in numbers]
    assert hundred.names.tolist() == [f"ravdess/{n % 3}" for n in numbers]
    assert [meta["duration"] for meta in hundred.meta] == pytest.approx([0.2 + 0.02 * (n % 7) for n in numbers])
    assert hundred.features.dtype == np.float16 and len(hundred.features) == len(hundred.emotion)


def test_batches_hold_every_recording_once(hundred):
    batches = hundred.batches(8, np.random.default_rng(0))
    assert sorted(n for rows in batches for n in rows) == list(range(100))
    assert max(map(len, batches)) == 8
    lengths = hundred.bounds[:, 1] - hundred.bounds[:, 0]
    assert np.mean([np.ptp(lengths[rows]) for rows in batches]) < 2  # of 7: similar ones lie together
    assert batches == hundred.batches(8, np.random.default_rng(0))
    assert batches != hundred.batches(8, np.random.default_rng(1))


def test_batches_pad(hundred):
    short, long = (next(i for i in range(100) if number_of(hundred, i) % 7 == k) for k in (0, 6))
    batch = hundred.batch([short, long])
    assert batch["features"].shape == (2, 16, 1, 1) and batch["known"].shape == (2, 7)
    assert batch["mask"].sum(1).tolist() == [10, 16]
    assert (batch["features"][0, :10] == number_of(hundred, short)).all() and not batch["features"][0, 10:].any()
    happy = EMOTIONS.index("happy")
    assert batch["emotion"][0].tolist() == [happy] * 10 + [PADDING] * 6
    assert batch["accepted"][0].sum(0).tolist() == [10 * (k == happy) for k in range(7)]
    assert batch["intensity"].isnan().all() and batch["features"].dtype == torch.float32


def test_chosen_recordings_keep_their_frames(hundred):
    rows = [7, 50, 3]
    some = hundred.chosen(rows)
    assert [number_of(some, k) for k in range(3)] == [number_of(hundred, row) for row in rows]
    assert some.names.tolist() == hundred.names[rows].tolist() and some.meta == tuple(hundred.meta[r] for r in rows)
    labels = some.labels()
    assert len(labels) == 3 and np.diff(labels.bounds).tolist() == [len(hundred.row(row)) for row in rows]
    assert len(hundred.chosen([])) == 0


def test_labels_of_turns(tmp_path):
    joined = encode_joined(tmp_path, Fixed([composite(2)]), 1, NumberEncoder())
    labels = joined.labels()
    assert labels.emotion.tolist() == [EMOTIONS.index("neutral")] * 10 + [EMOTIONS.index("happy")] * 15
    assert labels.intensity.tolist() == [0.0] * 10 + [1.0] * 15


def test_they_are_encoded_once(tmp_path):
    class Killed(Exception):
        pass

    def kill(stage, done, total):
        if done == 5:
            raise Killed

    sampler, ears = Fixed([numbered(n) for n in range(9)]), Ears()
    with pytest.raises(Killed):
        encode_joined(tmp_path, sampler, 9, ears, kill)
    first = encode_joined(tmp_path, sampler, 9, ears)  # from the start
    heard = ears.heard
    second = encode_joined(tmp_path, sampler, 9, ears)
    assert ears.heard == heard and len(first) == 9
    np.testing.assert_array_equal(first.features, second.features)
    assert first.meta == second.meta and first.names.tolist() == second.names.tolist()


def test_silence_of_joined_recordings_is_not_labelled(tmp_path):
    """With silence at the ends and between clips, drawn from two sounds."""
    sounds = [replace(utterance(emotion), path=Path(f"{n}.wav")) for n, emotion in enumerate(("happy", "sad"))]
    sampler = CompositeSampler(
        sounds, lambda u: buzz(150, 0.6, int(u.path.stem)), augmentation=0, silence=1.5, patterns={"EE": 1.0}
    )
    joined = encode_joined(tmp_path, sampler, 12, Ears())
    labels = joined.labels()
    shares = [
        np.mean(labels.emotion[a:b] == UNLABELLED) for a, b in zip(labels.bounds[:-1], labels.bounds[1:], strict=True)
    ]
    assert max(shares) > 0.3  # long silence
    for row, (a, b) in enumerate(zip(labels.bounds[:-1], labels.bounds[1:], strict=True)):
        level = joined.row(row)[:, 0].mean(-1).numpy()
        spoken = labels.emotion[a:b] != UNLABELLED
        assert spoken.sum() >= 45  # of 1.2 s of speech, but for its softest moments
        if not spoken.all():
            assert level[~spoken].mean() < level[spoken].mean() - 1
    assert {EMOTIONS[k] for k in labels.emotion if k >= 0} == {"happy", "sad"}


def test_batch_through_encoder_is_as_recordings_alone(data, tmp_path):
    """Padding and grouping by length change nothing but the last frame, whose convolution reads beyond the end."""
    encoder = SpeechEncoder.load(data / "encoder")
    turn = Turn(0.0, 9.0, utterance())
    composites = [Composite(buzz(100 + 20 * n, 0.5 + 0.3 * (n % 4), n), (turn,)) for n in range(8)]
    joined = encode_joined(tmp_path, Fixed(composites), 8, encoder)
    order = sorted(range(8), key=lambda n: len(composites[n].waveform))
    for row, number in enumerate(order):
        alone = encoder(composites[number].waveform)
        found = joined.row(row)
        assert len(found) == len(alone)
        torch.testing.assert_close(found, alone, rtol=0, atol=0.05)
        assert (found[:-1] - alone[:-1]).abs().mean() < 1e-3
