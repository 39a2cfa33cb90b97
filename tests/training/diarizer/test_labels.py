"""Recordings and labels for the diarizer."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile as sf

from sedtalker_cli.data.recordings import WaveformStore, read_corpora
from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.training.diarizer.labels import UNLABELLED, Labels, intensity_target, known_classes
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
    assert told == [
        "ravdess: 6 utterances, 3 speakers",
        f"{table}: does not name 1 of 6 recordings, which are left out",
    ]
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
    assert frames.meta[2]["turns"][1] == {
        "onset": 0.2,
        "duration": pytest.approx(0.3),
        "emotion": "happy",
        "path": "happy.wav",
        "strength": "normal",
        "arousal": None,
    }


def test_silence_tells_nothing():
    whole = composite(2)
    speech = np.ones(25, bool)
    speech[[0, 1, 12]] = False
    found, spoken = Labels.of(replace(whole, speech=speech), 25), Labels.of(whole, 25)
    assert np.flatnonzero(found.emotion == UNLABELLED).tolist() == [0, 1, 12]
    assert np.flatnonzero(np.isnan(found.intensity)).tolist() == [0, 1, 12]
    assert np.flatnonzero(~found.accepted.any(1)).tolist() == [0, 1, 12]
    np.testing.assert_array_equal(found.emotion[speech], spoken.emotion[speech])
    assert (spoken.emotion != UNLABELLED).all()  # without frames of speech it is speech throughout
