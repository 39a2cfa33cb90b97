"""The table of emotion: bytes, round trips, edits, files made elsewhere."""

import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sedtalker_cli.clock import frame_count
from sedtalker_cli.emotion.timeline import EMOTIONS, EmotionTimeline
from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.emotion_csv import read_emotion_csv, write_emotion_csv
from sedtalker_cli.formats.motion import read_motion_files
from sedtalker_cli.formats.rttm import read_rttm


def random_timeline(frames: int, seed: int = 0) -> EmotionTimeline:
    rng = np.random.default_rng(seed)
    posteriors = rng.dirichlet(np.full(7, 0.3), frames)
    labels = np.repeat(rng.integers(0, 7, frames // 10 + 1), 10)[:frames]
    intensity, speech = rng.uniform(0, 1, (2, frames))
    return EmotionTimeline(EMOTIONS, posteriors, intensity, labels, frames * 0.02, speech)


def test_emotion_csv_golden(tmp_path):
    timeline = EmotionTimeline(
        ("sad", "angry", "neutral"), [[0.2, 0.3, 0.5], [1 / 3, 1 / 3, 1 / 3]], [0.25, 1.0], [2, 0], 0.04, [1, 0.25]
    )
    write_emotion_csv(tmp_path / "a.emotion.csv", timeline)
    assert (tmp_path / "a.emotion.csv").read_text() == (
        "frame,time,emotion,intensity,confidence,p_angry,p_neutral,p_sad,speech\n"
        "0,0.00,neutral,0.2500,0.500000,0.300000,0.500000,0.200000,1.0000\n"
        "1,0.02,sad,1.0000,0.333333,0.333334,0.333333,0.333333,0.2500\n"
    )
    write_emotion_csv(tmp_path / "a.emotion.csv", timeline, ["", 'A, "b"'])
    header, *rows = (tmp_path / "a.emotion.csv").read_text().splitlines()
    assert header.endswith(",p_sad,speech,speaker")
    assert rows[0].endswith(",1.0000,") and rows[1].endswith(',0.2500,"A, ""b"""')
    with (tmp_path / "a.emotion.csv").open(newline="") as file:
        assert [row["speaker"] for row in csv.DictReader(file)] == ["", 'A, "b"']


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 300), st.integers(0, 10**6))
def test_emotion_csv_round_trip(tmp_path_factory, frames, seed):
    path = tmp_path_factory.mktemp("csv") / "a.emotion.csv"
    timeline = random_timeline(frames, seed)
    write_emotion_csv(path, timeline)
    rows = [line.split(",") for line in path.read_text().splitlines()[1:]]
    assert all(sum(round(float(p) * 1e6) for p in row[5:-1]) == 1_000_000 for row in rows)
    back = read_emotion_csv(path)
    assert back.classes == EMOTIONS
    assert np.array_equal(back.labels, timeline.labels)
    assert np.abs(back.posteriors - timeline.posteriors).max() < 2e-6
    assert np.abs(back.intensity - timeline.intensity).max() < 1e-4
    assert np.abs(back.speech - timeline.speech).max() < 1e-4
    # Fed back unedited it changes nothing but the last decimals.
    assert np.abs(timeline.override(back).posteriors - timeline.posteriors).max() < 2e-6


def test_emotion_edited_by_hand(tmp_path):
    path = tmp_path / "a.emotion.csv"
    frames = 200
    posteriors = np.full((frames, 7), 0.05, np.float32)
    posteriors[:, 4] = 0.7
    write_emotion_csv(path, EmotionTimeline(EMOTIONS, posteriors, np.full(frames, 0.3), np.full(frames, 4), 4.0))
    lines = path.read_text().splitlines()
    lines[101:201] = [line.replace("neutral", "Angry") for line in lines[101:201]]
    path.write_text("\r\n".join(lines) + "\r\n")
    edited = read_emotion_csv(path)
    assert [s.emotion for s in edited.segments()] == ["neutral", "angry"]
    assert np.allclose(edited.posteriors[:90], posteriors[:90], atol=1e-6)
    assert np.allclose(edited.posteriors[110:, 0], 1)
    assert 0.5 < edited.posteriors[100, 0] < 0.6  # in the middle of the cross-fade
    assert np.allclose(edited.intensity, 0.3)


def test_emotion_csv_made_elsewhere(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(
        "time,emotion\n" + "".join(f"{k * 0.02:.2f},{'sad' if k < 50 else 'neutral'}\n" for k in range(100))
    )
    timeline = read_emotion_csv(path)
    assert timeline.classes == ("neutral", "sad")
    assert [s.emotion for s in timeline.segments()] == ["sad", "neutral"]
    assert np.all(timeline.intensity == (timeline.labels == 1))
    assert np.allclose(timeline.posteriors.sum(1), 1)
    assert (timeline.speech == 1).all()  # nothing is said of it


def test_speech_stands_before_the_speaker(tmp_path):
    path = tmp_path / "a.emotion.csv"
    write_emotion_csv(path, random_timeline(3), ["anna", "", "ben, the first"])
    lines = path.read_text().splitlines()
    assert lines[0].split(",")[-2:] == ["speech", "speaker"] and lines[3].endswith(',"ben, the first"')
    np.testing.assert_allclose(read_emotion_csv(path).speech, random_timeline(3).speech, atol=1e-4)


HEAD = "frame,time,emotion,intensity,confidence,p_happy,p_sad\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"a\.csv:1: has no column 'time'"),
        ("time,feeling\n0,sad\n", "no column 'emotion'"),
        ("time,emotion,time\n0,sad,0\n", "names a column twice"),
        (HEAD, "holds no rows"),
        (HEAD + "0,0,sad,0.5,0.5,0.5\n", ":2: has 6 values"),
        (HEAD + "0,0,sad,0.5,0.5,0.5,0.5\n2,0.04,sad,0.5,0.5,0.5,0.5\n", ":3: frame is 2, expected 1"),
        (HEAD + "0,0,sad,0.5,0.5,0.5,0.5\n1,0.04,sad,0.5,0.5,0.5,0.5\n", ":3: time is 0.04, expected 0.02"),
        (HEAD + "0,0,glad,0.5,0.5,0.5,0.5\n", ":2: emotion 'glad' has no column"),
        (HEAD + "0,0,sad,1.5,0.5,0.5,0.5\n", "intensity '1.5'"),
        (HEAD + "0,0,sad,nan,0.5,0.5,0.5\n", "intensity 'nan'"),
        (HEAD + "0,0,sad,x,0.5,0.5,0.5\n", "intensity 'x'"),
        (HEAD + "0,0,sad,0.5,0.5,0.9,0.5\n", ":2: probabilities sum to 1.400"),
        (HEAD + "0,0,sad,0.5,0.5,-0.5,1.5\n", "p_happy '-0.5'"),
        ("time,emotion,speech\n0,sad,1.5\n", ":2: speech '1.5'"),
        ("time,emotion,speech\n0,sad,\n", ":2: speech ''"),
        ("\0", r"a\.csv:1: not a CSV line \(it holds a NUL character\)"),
    ],
)
def test_emotion_csv_errors(tmp_path, text, said):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match=said):
        read_emotion_csv(tmp_path / "a.csv")


def test_text_files_that_are_none(tmp_path):
    (tmp_path / "a.rttm").write_bytes(b"\xff\xfe\x00\x01")
    for read, name, said in (
        (read_rttm, "a.rttm", "not an RTTM line"),
        (read_rttm, "none.rttm", "does not exist"),
        (read_emotion_csv, ".", "is a folder"),
    ):
        with pytest.raises(InputError, match=said):
            read(tmp_path / name)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: (HEAD + text).encode("utf-8", "replace")))
def test_any_bytes_are_read_or_refused(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("fuzz")
    for name, read in (("a.rttm", read_rttm), ("a.csv", read_emotion_csv), ("a.npy", read_motion_files)):
        (folder / name).write_bytes(content)
        try:
            read(folder / name)
        except InputError as error:
            assert name in str(error)


def test_frame_times_of_long_files(tmp_path):
    timeline = random_timeline(frame_count(120.0))
    write_emotion_csv(tmp_path / "a.emotion.csv", timeline)
    last = (tmp_path / "a.emotion.csv").read_text().splitlines()[-1].split(",")
    assert last[:2] == ["5999", "119.98"]
