"""Recordings, labels and batches for the diarizer."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch
from sedtalker_cli.training.diarizer.batches import encode_batch, encoded_batches, mask_spans, padded

from sedtalker_cli.data.composites import Composite, Turn
from sedtalker_cli.data.recordings import WaveformStore, read_corpora
from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.model.encoder import SpeechEncoder
from sedtalker_cli.training.diarizer.labels import collate, intensity_target, known_classes
from sedtalker_cli.training.diarizer.settings import DiarizerTraining
from tests.training.labelled import composite, utterance
from tests.training.labelled import frames as frames
from tests.training.recordings import RATE, buzz


def test_recordings_get_the_splits_of_a_table(tmp_path):
    (tmp_path / "ravdess").mkdir()
    names = [f"03-01-0{emotion}-01-01-01-0{actor}" for emotion in (1, 3) for actor in (1, 2, 3)]
    for name in names:
        (tmp_path / "ravdess" / f"{name}.wav").write_bytes(b"sound")
    table = tmp_path / "splits.csv"
    table.write_text("path,split\n" + "".join(f"ravdess/{n},{'val' if n[-1] == '3' else 'train'}\n" for n in names[1:]))
    told = []
    found = read_corpora([("ravdess", tmp_path / "ravdess")], table, log=told.append)
    assert {u.path.stem: u.split for u in found} == {n: "val" if n[-1] == "3" else "train" for n in names[1:]}
    assert told == ["ravdess: 6 utterances, 3 speakers"]
    drawn = read_corpora([("ravdess", tmp_path / "ravdess")], None)
    assert len(drawn) == 6 and {u.split for u in drawn} == {"train", "val", "test"}


def test_recordings_are_trimmed_and_cut(tmp_path):
    u = replace(utterance(), path=tmp_path / "x.wav")
    sf.write(u.path, np.concatenate([np.zeros(RATE), buzz(200, 1.0, 0), np.zeros(RATE // 2)]), RATE)
    trimmed, whole = WaveformStore()(u), WaveformStore(trim=False)(u)
    assert len(whole) == 2.5 * RATE and abs(len(trimmed) - RATE) < 0.25 * RATE
    assert len(WaveformStore(max_seconds=0.5)(u)) == RATE // 2
    start = int(np.correlate(whole, trimmed[:4000], "valid").argmax())
    np.testing.assert_allclose(trimmed, whole[start : start + len(trimmed)], atol=1e-4)


def test_broken_recordings_are_named_and_counted(tmp_path):
    good, broken, short = (replace(utterance(), path=tmp_path / f"{name}.wav") for name in ("good", "broken", "short"))
    sf.write(good.path, buzz(200, 0.5, 0), RATE)
    broken.path.write_text("not sound")
    sf.write(short.path, buzz(200, 0.1, 0), RATE)
    told = []
    assert WaveformStore().usable([broken, good, short], told.append) == [good]
    assert any(str(broken.path) in line for line in told) and any(str(short.path) in line for line in told)
    assert told[-1] == "2 of 3 recordings skipped"


def test_intensity_targets():
    assert intensity_target(utterance("calm", intensity=0.5)) == 0
    assert intensity_target(utterance(intensity=0.5)) == 0.5
    assert np.isnan(intensity_target(utterance()))
    arousal = [intensity_target(utterance(arousal=a)) for a in (0.0, 0.125, 0.5, 0.875, 1.0)]
    assert arousal == pytest.approx([0, 0, 0.5, 1, 1])


def test_classes_that_a_corpus_knows():
    emotale = {name for name, known in zip(EMOTIONS, known_classes("emotale"), strict=True) if known}
    assert emotale == {"angry", "happy", "neutral", "sad"}
    assert known_classes("librispeech").all()  # read speech: nothing else is there to be told


def test_every_frame_is_labelled(frames):
    assert len(frames) == 4 and np.diff(frames.bounds).tolist() == [15, 20, 25, 30]
    emotion = frames.emotion[frames.bounds[2] : frames.bounds[3]].tolist()
    assert emotion == [EMOTIONS.index("neutral")] * 10 + [EMOTIONS.index("happy")] * 15
    assert frames.intensity[frames.bounds[2] : frames.bounds[3]].tolist() == [0.0] * 10 + [1.0] * 15
    assert frames.speakers.tolist() == [0, 0, 0, 0]
    assert frames.meta[2]["turns"][1] == {
        "onset": 0.2,
        "duration": pytest.approx(0.3),
        "emotion": "happy",
        "path": "happy.wav",
        "strength": "normal",
        "arousal": None,
    }


def test_batches_pad_labels():
    batch = collate([composite(3), composite(0)])
    assert batch["emotion"].shape == batch["intensity"].shape == (2, 30) and batch["known"].shape == (2, 7)
    assert (batch["emotion"][0] >= 0).all() and (batch["emotion"][1, 15:] == -100).all()
    assert batch["intensity"][1, 15:].isnan().all() and not batch["intensity"][1, :15].isnan().any()


class NumberSampler:
    """Composites that hold their number, by one of three speakers."""

    def draw(self, epoch: int, index: int) -> Composite:
        turn = Turn(0.0, 0.2, replace(utterance(), speaker=f"{index % 3}"))
        return Composite(np.full(3200 + 320 * (index % 7), index, np.float32), (turn,))


class NumberEncoder:
    """A recording's number as the feature of all its frames."""

    def batch(self, waveforms):
        lengths = torch.tensor([len(w) // 320 for w in waveforms])
        features = torch.zeros(len(waveforms), int(lengths.max()), 1, 1)
        for row, waveform in zip(features, waveforms, strict=True):
            row[:] = float(waveform[0])
        return features, torch.arange(features.shape[1]) < lengths[:, None]


def test_batches_of_a_draw_hold_every_recording_once(tmp_path):
    settings = DiarizerTraining((), None, tmp_path, "", composites=90, batch=8)
    told = []

    def encoded() -> list[dict]:
        return list(encoded_batches(NumberEncoder(), NumberSampler(), settings, 1, lambda *what: told.append(what)))

    batches = encoded()
    numbers = [[int(row[0]) for row in batch["features"]] for batch in batches]
    assert sorted(n for row in numbers for n in row) == list(range(90))
    assert told[-1] == ("encoding draw 1", 90, 90)
    for row, batch in zip(numbers, batches, strict=True):
        assert [len(f) for f in batch["features"]] == [10 + n % 7 for n in row]
        assert (batch["emotion"] >= 0).sum(1).tolist() == [10 + n % 7 for n in row]
        assert batch["names"] == [f"ravdess/{n % 3}" for n in row]
        features, mask = padded(batch["features"])
        assert mask.sum(1).tolist() == [len(f) for f in batch["features"]] and (features[~mask] == 0).all()
    assert [[int(row[0]) for row in batch["features"]] for batch in encoded()] == numbers


def test_masking_hides_a_share_of_frames_and_channels():
    torch.manual_seed(0)
    features = torch.ones(40, 100, 2, 64)
    kept = mask_spans(features, 0.25)
    frames = kept[:, :, 0].amax(-1)
    channels = kept[:, :, 0].amax(1)
    assert 0.15 < 1 - frames.mean() < 0.35 and 0.15 < 1 - channels.mean() < 0.35
    assert (frames.unflatten(1, (10, 10)).std(-1) == 0).all()  # spans of ten frames
    assert mask_spans(features, 0.0) is features


def test_batch_through_encoder_is_as_recordings_alone(data):
    """Padding and grouping by length change nothing but the last frame, whose convolution reads beyond the end."""
    encoder = SpeechEncoder.load(data / "encoder")
    settings = DiarizerTraining((), None, Path(), "")
    composites = [Composite(buzz(100 + 20 * n, 0.5 + 0.3 * (n % 4), n), ()) for n in range(8)]
    for features, one in zip(encode_batch(encoder, composites, settings), composites, strict=True):
        alone = encoder(one.waveform)
        assert len(features) == len(alone)
        torch.testing.assert_close(features.float(), alone, rtol=0, atol=0.05)
        assert (features[:-1] - alone[:-1]).abs().mean() < 1e-3
