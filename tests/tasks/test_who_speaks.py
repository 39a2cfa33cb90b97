"""`--speakers`, `--speaker` and `--summary` through the commands."""

import csv
import json

import numpy as np
import pytest
import soundfile as sf

from sedtalker_cli.audio.muting import keep_spans
from sedtalker_cli.pipeline import Pipeline
from tests.commands import call
from tests.conftest import ROOT, tone

pytestmark = pytest.mark.usefixtures("heard_as_loud_as_recorded")


RATE = 16_000


@pytest.fixture
def talk(tmp_path):
    """Two seconds; anna speaks softly up to 1.2 s, ben loudly from 1 s on."""
    sound = np.concatenate([0.5 * tone(1.0), tone(1.0)])
    sf.write(tmp_path / "talk.wav", sound, RATE)
    (tmp_path / "who.rttm").write_text(
        "SPEAKER talk 1 1.0 1.0 <NA> <NA> ben <NA> <NA>\nSPEAKER talk 1 0.2 1.0 <NA> <NA> anna <NA> <NA>\n"
    )
    return tmp_path


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_segments_are_cut_at_turns_and_the_csv_names_the_speaker(talk, fake_models):
    done = call("diarize", talk / "talk.wav", "--speakers", talk / "who.rttm", "--out", talk / "out", "--json")
    rows = rows_of(talk / "out/talk.emotion.csv")
    assert list(rows[0])[-1] == "speaker" and len(rows) == 100
    assert [rows[k]["speaker"] for k in (0, 9, 10, 49, 50, 99)] == ["", "", "anna", "anna", "ben", "ben"]
    lines = [line.split() for line in (talk / "out/talk.rttm").read_text().splitlines()]
    edges = {0.0, *(round(float(line[3]) + float(line[4]), 3) for line in lines)}
    assert {0.0, 0.2, 1.0, 2.0} <= edges
    assert {line[7] for line in lines} <= {"happy", "sad"}  # the emotion, not the speaker
    segments = json.loads(done.stdout)["segments"]
    assert [s["speaker"] for s in segments if s["onset"] in (0.0, 0.2, 1.0)] == [None, "anna", "ben"]


def test_each_speaker_is_judged_by_their_own_measure(talk, fake_models, monkeypatch):
    heard = []
    voice = type(fake_models.diarizer).voice
    monkeypatch.setattr(
        type(fake_models.diarizer), "voice", lambda self, features: heard.append(len(features)) or voice(self, features)
    )
    call("diarize", talk / "talk.wav", "--speakers", talk / "who.rttm", "--out", talk / "out")
    assert heard == [40, 50]  # frames of anna and of ben, each once


def test_speech_of_others_is_none_of_the_speaker(talk, fake_models):
    from sedtalker_cli.formats.speaker_rttm import read_speaker_rttm

    turns = next(iter(read_speaker_rttm(talk / "who.rttm").values()))
    speech = fake_models.diarize(talk / "talk.wav", turns=turns, speaker="anna").timeline.speech
    assert (speech[10:60] == 1).all() and (speech[:10] == 0).all() and (speech[60:] == 0).all()


def test_face_of_one_speaker(talk, fake_models):
    options = ("--speakers", talk / "who.rttm", "--out", talk / "out", "--idle", "off")
    call("animate", talk / "talk.wav", *options, "--speaker", "anna")
    weights = np.load(talk / "out/talk.weights.npy")
    jaw, smile = weights[:, 17], weights[:, 23]
    assert jaw[8:34].min() > 0.02 and (jaw[:5] < 0.01).all() and (jaw[38:] < 0.01).all()  # the overlap is anna's
    assert (smile[50:] < 0.01).all() and (np.diff(smile[38:]) <= 0).all()  # the expression dies away
    rows = rows_of(talk / "out/talk.emotion.csv")
    assert {row["emotion"] for row in rows[61:]} == {"neutral"} and {row["intensity"] for row in rows[61:]} == {
        "0.0000"
    }
    assert json.loads((talk / "out/talk.json").read_text())["speaker"] == "anna"
    again = call("animate", talk / "talk.wav", *options, "--speaker", "anna", "--resume")
    assert "skipped" in again.stderr
    redone = call("animate", talk / "talk.wav", *options, "--speaker", "ben", "--resume", "--json")
    assert json.loads(redone.stdout)["status"] == "done"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--speaker", "anna"), "--speaker needs --speakers"),
        (("--speakers", "who.rttm", "--speaker", "zoe"), "knows anna, ben"),
        (("--speakers", "who.rttm", "--adapt"), "--adapt takes a folder as one person"),
        (("--speakers", "nothing.rttm"), "does not exist"),
    ],
)
def test_wrong_usage(talk, fake_models, options, said, monkeypatch):
    monkeypatch.chdir(talk)
    done = call("animate", talk / "talk.wav", *options, "--out", talk / "out", expect=2)
    assert said in done.stderr and not (talk / "out").exists()


def test_a_recording_that_the_file_does_not_know_fails_alone(talk, fake_models):
    sf.write(talk / "other.wav", tone(0.5), RATE)
    (talk / "who.rttm").write_text((talk / "who.rttm").read_text() + "SPEAKER more 1 0 1 <NA> <NA> zoe <NA> <NA>\n")
    inputs = (talk / "talk.wav", talk / "other.wav")
    done = call("diarize", *inputs, "--speakers", talk / "who.rttm", "--out", talk / "out", expect=1)
    assert "says nothing of other" in done.stderr and (talk / "out/talk.rttm").exists()


def test_sound_is_silent_outside_spans():
    sound = np.ones(RATE, np.float32)
    whole = np.concatenate(list(keep_spans([sound], [(0.5, 0.7), (0.1, 0.2), (0.15, 0.3), (0.9, 5)])))
    parts = np.concatenate(list(keep_spans(np.array_split(sound, 13), [(0.1, 0.3), (0.5, 0.7), (0.9, 5)])))
    np.testing.assert_allclose(whole, parts, atol=1e-6)
    kept = np.flatnonzero(whole == 1)
    time = (kept + 0.5) / RATE
    assert set(np.round(time, 1)) == {0.1, 0.2, 0.3, 0.5, 0.6, 0.7, 0.9, 1.0}
    assert whole[round(0.05 * RATE)] == whole[round(0.4 * RATE)] == whole[round(0.8 * RATE)] == 0
    assert np.abs(np.diff(whole)).max() < 0.01  # no clicks


def test_the_shipped_face_rests_while_others_talk(tmp_path):
    """The first half of an example is one speaker's, the second another's."""
    from sedtalker_cli.emotion.speakers import SpeakerTurn

    pipeline = Pipeline.load(device="cpu")
    turns = [SpeakerTurn(0, 1.5, "anna"), SpeakerTurn(1.5, 60, "ben")]
    path = ROOT / "examples/party.flac"
    motion = pipeline.animate(path, turns=turns, speaker="anna", idle=False, fps=50)
    jaw = motion.weights[:, motion.head.shape_names.index("jawOpen")]
    assert jaw[10:70].std() > 0.03 and jaw[90:].max() < 0.05
    assert np.abs(np.diff(motion.weights[90:], axis=0)).max() < 0.02


# --- the table of a batch


def batch(talk):
    sf.write(talk / "quiet.wav", 0.001 * tone(1.0), RATE)
    (talk / "bad.wav").write_text("no sound")
    return [talk / name for name in ("talk.wav", "bad.wav", "quiet.wav")]


@pytest.mark.parametrize("command", ["diarize", "animate"])
def test_summary_of_a_batch_in_the_order_of_its_inputs(talk, fake_models, command):
    inputs = batch(talk)
    call(command, *inputs, "--out", talk / "out", "--summary", talk / "s.csv", expect=1)
    rows = rows_of(talk / "s.csv")
    assert [row["path"] for row in rows] == list(map(str, inputs))
    assert rows[0]["duration"] == "2.000" and float(rows[0]["share_happy"]) == pytest.approx(0.5, abs=0.02)
    assert rows[0]["changes"] == "1" and rows[0]["note"] == ""
    assert rows[1]["note"].startswith("failed: ") and rows[1]["duration"] == ""
    assert "very quiet" in rows[2]["note"]


def test_summary_is_the_same_when_a_batch_is_resumed_or_shared(talk, fake_models):
    inputs = batch(talk)
    call("diarize", *inputs, "--out", talk / "a", "--summary", talk / "a.csv", expect=1)
    call("diarize", *inputs, "--out", talk / "a", "--resume", "--summary", talk / "b.csv", expect=1)
    call("diarize", *inputs, "--out", talk / "c", "--jobs", 2, "--summary", talk / "c.csv", expect=1)
    first = rows_of(talk / "a.csv")
    assert rows_of(talk / "c.csv") == first
    for row, again in zip(first, rows_of(talk / "b.csv"), strict=True):
        for name, value in row.items():
            if name in ("path", "note") or not value:
                assert again[name] == value
            else:
                assert float(again[name]) == pytest.approx(float(value), abs=0.02), name


def test_summary_does_not_replace_an_input(talk, fake_models):
    done = call("diarize", talk / "talk.wav", "--out", talk / "o", "--summary", talk / "talk.wav", expect=2)
    assert "would be replaced" in done.stderr
    done = call("diarize", talk / "talk.wav", "--out", talk / "o", "--summary", talk / "no/s.csv", expect=2)
    assert "is not a folder" in done.stderr
    done = call("diarize", talk / "talk.wav", "--out", talk / "o", "--summary", talk / "o/s.csv")
    assert len(rows_of(talk / "o/s.csv")) == 1
