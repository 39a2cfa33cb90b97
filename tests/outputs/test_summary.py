"""The table of a batch: one row a recording."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sedtalker_cli.audio.loudness import SoundFacts, SoundMeter, describe_sound
from sedtalker_cli.emotion.silence import describe_speech
from sedtalker_cli.emotion.timeline import EMOTIONS, EmotionTimeline, Segment
from sedtalker_cli.outputs.summary import failed_row, summary_row, write_summary


def timeline(speech: np.ndarray | float = 1.0) -> EmotionTimeline:
    parts = [Segment(0, 0.5, "neutral"), Segment(0.5, 1.0, "happy"), Segment(1.5, 0.49, "neutral")]
    line = EmotionTimeline.from_segments(parts, EMOTIONS, 1.99, intensity=0.0)
    line.intensity[25:75] = np.linspace(0.2, 0.8, 50)
    line.posteriors[25:75] = 0.4 / 6
    line.posteriors[25:75, EMOTIONS.index("happy")] = 0.6
    return replace(line, speech=np.broadcast_to(speech, 100))


def test_a_row_tells_what_was_heard():
    speech = np.zeros(100)
    speech[25:75] = 1
    row = summary_row(Path("a/talk.wav"), timeline(speech))
    assert row["path"] == "a/talk.wav" and row["duration"] == "1.990" and row["changes"] == "2"
    assert float(row["speech"]) == pytest.approx(1 / 1.99, abs=1e-4)
    shares = {name: float(row[f"share_{name}"]) for name in EMOTIONS}
    assert shares["happy"] == pytest.approx(1 / 1.99, abs=1e-4) and sum(shares.values()) == pytest.approx(1, abs=1e-3)
    assert (float(row["intensity_mean"]), float(row["intensity_max"])) == (pytest.approx(0.5), pytest.approx(0.8))
    assert float(row["confidence"]) == pytest.approx(0.6) and row["note"] == ""


def test_speech_is_what_is_more_likely_speech_than_not():
    speech = np.full(100, 0.49)
    speech[50:75] = 0.5
    row = summary_row(Path("x"), timeline(speech))
    assert float(row["speech"]) == pytest.approx(0.5 / 1.99, abs=1e-4)
    assert float(row["intensity_mean"]) == pytest.approx(np.linspace(0.2, 0.8, 50)[25:].mean(), abs=1e-4)


def test_notes():
    none = summary_row(Path("x"), timeline(0.0), ["nothing like speech heard", "very quiet (-61 dB)"])
    assert none["note"] == "nothing like speech heard; very quiet (-61 dB)" and none["speech"] == "0.0000"
    assert float(none["confidence"]) == pytest.approx((0.99 + 0.6) / 1.99, abs=1e-4)  # of the whole, for want of speech


def test_what_is_noted_of_a_sound():
    assert describe_sound(SoundFacts(1.0, 0.021, -9)) == ["clipped (2.1 % of the samples)"]
    assert describe_sound(SoundFacts(0.001, 0.0, -61.4)) == ["very quiet (-61 dB)"]
    assert describe_sound(SoundFacts(1.0, 1e-4, -9)) == []


def test_there_is_no_speech_where_no_emotion_is_heard():
    """A few frames, as a click has, are none; the same decision makes the whole recording neutral."""
    speech = np.zeros(100)
    assert describe_speech(speech) == ["nothing like speech heard"]
    speech[[10, 11, 50, 51, 70, 71]] = 1
    assert describe_speech(speech) == ["nothing like speech heard"]
    speech[20:30] = 1
    assert describe_speech(speech) == []


def test_table_keeps_the_order_and_holds_failures(tmp_path):
    rows = [
        summary_row(Path("b, c.wav"), timeline()),
        failed_row(Path("bad.wav"), "is no sound"),
        summary_row(Path("a.wav"), timeline()),
    ]
    write_summary(tmp_path / "s.csv", rows)
    with (tmp_path / "s.csv").open(newline="") as file:
        read = list(csv.DictReader(file))
    assert [row["path"] for row in read] == ["b, c.wav", "bad.wav", "a.wav"]
    assert list(read[0]) == [
        *("path", "duration", "speech"),
        *(f"share_{name}" for name in EMOTIONS),
        *("intensity_mean", "intensity_max", "changes", "confidence", "note"),
    ]
    assert read[1]["note"] == "failed: is no sound" and read[1]["duration"] == ""
    assert [p.name for p in tmp_path.iterdir()] == ["s.csv"]
    write_summary(tmp_path / "s.csv", [])
    assert (tmp_path / "s.csv").read_text().startswith("path,duration,speech,intensity_mean")


def test_facts_of_the_sound_do_not_depend_on_the_blocks():
    rng = np.random.default_rng(0)
    sound = np.clip(rng.standard_normal(16_000) * 0.4, -1, 1).astype(np.float32)
    whole, parts = SoundMeter(), SoundMeter()
    whole(sound)
    for block in np.split(sound, [1, 500, 501, 9000]):
        parts(block)
    assert whole.facts() == parts.facts()
    assert whole.facts().peak == 1 and whole.facts().clipped == np.mean(np.abs(sound) >= 0.99)
    assert whole.facts().level == pytest.approx(-8, abs=1)
    np.testing.assert_array_equal(whole.loudness(), parts.loudness())
    assert SoundMeter().facts().peak == 0 and SoundMeter().facts().clipped == 0
