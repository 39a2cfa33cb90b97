"""Further outputs of `diarize`: JSON, Audacity labels, Praat TextGrid, UEM and plots; RTTM in other tools."""

import json
import re
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from sedtalker_cli.emotion.timeline import EMOTIONS, EmotionTimeline, Segment
from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.audacity import read_labels, write_labels
from sedtalker_cli.formats.emotion_csv import read_emotion_csv
from sedtalker_cli.formats.emotion_json import read_emotion_json, write_emotion_json
from sedtalker_cli.formats.rttm import read_rttm, write_rttm
from sedtalker_cli.formats.textgrid import read_textgrid, timeline_tiers, write_textgrid
from sedtalker_cli.formats.uem import read_uem, write_uem
from sedtalker_cli.render.plots.canvas import clock
from sedtalker_cli.render.plots.envelope import column_means, peak_envelope
from tests.commands import call, made
from tests.conftest import tree, write_sound

ALL = ["speech.TextGrid", "speech.emotion.csv", "speech.emotion.json", "speech.emotion.png", "speech.labels.txt"]
SEGMENTS = [Segment(0.0, 1.24, "neutral", 0.8), Segment(1.24, 0.7605, "happy", 0.9), Segment(2.0005, 0.5, "sad", 1.0)]


def random_timeline(frames: int, seed: int = 0, less: int = 0) -> EmotionTimeline:
    """`less` samples short of full frames."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(rng.integers(0, 7, frames // 10 + 1), 10)[:frames]
    posteriors = rng.dirichlet(np.full(7, 0.3), frames)
    return EmotionTimeline(EMOTIONS, posteriors, rng.uniform(0, 1, frames), labels, (frames * 320 - less) / 16000)


def test_diarize_writes_every_format(tmp_path, sound, fake_models):
    formats = [part for name in ("rttm", "csv", "json", "audacity", "textgrid") for part in ("--format", name)]
    result = call("diarize", sound, "--out", tmp_path / "out", *formats, "--plot", "png", "--json")
    assert made(tmp_path / "out") == [*ALL, "speech.rttm"]
    named = json.loads(result.stdout)["outputs"]
    assert set(named) == {"rttm", "emotion.csv", "emotion.json", "labels.txt", "TextGrid", "emotion.png"}
    expected = [(0.0, 0.74, "happy"), (0.74, 0.76, "sad")]
    for segments in (
        read_labels(tmp_path / "out/speech.labels.txt"),
        read_textgrid(tmp_path / "out/speech.TextGrid")["emotion"],
        read_emotion_json(tmp_path / "out/speech.emotion.json").segments(),
    ):
        assert [(s.onset, round(s.duration, 6), s.emotion) for s in segments] == expected
    content = json.loads((tmp_path / "out/speech.emotion.json").read_text())
    assert content["duration"] == 1.5
    assert content["segments"][1] == pytest.approx(
        {"onset": 0.74, "duration": 0.76, "emotion": "sad", "confidence": 0.7, "intensity": 0.5}
    )
    picture = np.asarray(Image.open(tmp_path / "out/speech.emotion.png").convert("RGB"))
    assert picture.shape == (744, 1440, 3)
    for colour in ((240, 228, 66), (0, 114, 178)):  # happy and sad cover much of it
        assert (picture == colour).all(axis=2).mean() > 0.03


def test_default_files_stay_as_they_are(tmp_path, sound, fake_models):
    call("diarize", sound, "--out", tmp_path / "out")
    assert made(tmp_path / "out") == ["speech.emotion.csv", "speech.rttm"]
    result = call("diarize", sound, "--out", tmp_path / "other", "--format", "praat", expect=2)
    assert "textgrid" in result.stderr
    assert not (tmp_path / "other").exists()


def test_resume_and_existing_outputs_know_the_files(tmp_path, sound, fake_models):
    out = tmp_path / "out"
    call("diarize", sound, "--out", out)
    (out / "speech.TextGrid").write_text("mine")
    options = ("--out", out, "--format", "textgrid", "--plot", "svg")
    assert "already exist" in call("diarize", sound, *options, expect=2).stderr
    assert (out / "speech.TextGrid").read_text() == "mine"
    assert "speech.TextGrid was not made here" in call("diarize", sound, *options, "--resume", expect=2).stderr
    assert (out / "speech.TextGrid").read_text() == "mine"
    (out / "speech.TextGrid").unlink()
    assert "is missing" in call("diarize", sound, *options, "--resume").stderr
    assert "skipped" in call("diarize", sound, *options, "--resume").stderr
    first = (out / "speech.emotion.svg").read_bytes()
    (out / "speech.emotion.svg").unlink()
    assert "speech.emotion.svg is missing" in call("diarize", sound, *options, "--resume").stderr
    assert (out / "speech.emotion.svg").read_bytes() == first  # same drawing, same bytes
    assert "skipped" in call("diarize", sound, "--out", out, "--resume").stderr  # fewer files are complete too


def test_a_plot_that_fails_leaves_nothing(tmp_path, sound, fake_models, monkeypatch):
    from sedtalker_cli.render.plots import timeline

    def fail(*_):
        raise InputError("cannot draw")

    monkeypatch.setattr(timeline, "plot_timeline", fail)
    call("diarize", sound, "--out", tmp_path / "out", "--plot", "png", expect=1)
    assert tree(tmp_path / "out") == []


def test_plot_of_an_awkward_name(tmp_path, fake_models):
    name = "a $x_1$ <b> & 測試"
    write_sound(tmp_path / f"{name}.wav", 0.03)
    result = call("diarize", tmp_path / f"{name}.wav", "--out", tmp_path / "out", "--plot", "svg")
    text = (tmp_path / f"out/{name}.emotion.svg").read_text(encoding="utf-8")
    assert "a $x_1$ &lt;b&gt; &amp; 測試.wav" in text
    assert "Glyph" not in result.stderr


def test_emotion_json_round_trip(tmp_path):
    timeline = random_timeline(4200, less=123)
    write_emotion_json(tmp_path / "a.json", timeline, "a \udcff b")
    again = read_emotion_json(tmp_path / "a.json")
    assert again.duration == pytest.approx(timeline.duration, abs=1e-9)
    assert np.array_equal(again.labels, timeline.labels)
    assert np.abs(again.posteriors - timeline.posteriors).max() < 2e-6
    assert np.abs(again.intensity - timeline.intensity).max() < 1e-6
    assert json.loads((tmp_path / "a.json").read_text())["uri"] == "a \udcff b"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c.update(format="other"), "is not an emotion timeline"),
        (lambda c: c.update(version=2), "version 2"),
        (lambda c: c.update(duration="1"), "duration is '1'"),
        (lambda c: c.update(classes=["sad", "sad"]), "different names"),
        (lambda c: c.pop("frames"), "no frames"),
        (lambda c: c["frames"]["label"].pop(), "label holds 19 numbers, expected 20"),
        (lambda c: c["frames"]["label"].append("x"), "label is not a table"),
        (lambda c: c["frames"]["label"].__setitem__(0, 7), "from 0 to 6"),
        (lambda c: c["frames"]["intensity"].__setitem__(3, -0.1), "intensity: a value is not a number >= 0"),
        (lambda c: c["frames"]["intensity"].__setitem__(3, 1.5), "intensity: a value is above 1"),
        (lambda c: c["frames"]["posteriors"].__setitem__(2, [0.1] * 7), "posteriors of frame 2 sum to 0.700"),
    ],
)
def test_emotion_json_errors(tmp_path, change, said):
    path = tmp_path / "a.json"
    write_emotion_json(path, random_timeline(20), "a")
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=re.escape(said)) as caught:
        read_emotion_json(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_labels_golden_and_round_trip(tmp_path):
    write_labels(tmp_path / "a.txt", SEGMENTS)
    text = "0.000000\t1.240000\tneutral\n1.240000\t2.000500\thappy\n2.000500\t2.500500\tsad\n"
    assert (tmp_path / "a.txt").read_text() == text
    write_labels(tmp_path / "b.txt", read_labels(tmp_path / "a.txt"))
    assert (tmp_path / "b.txt").read_text() == text


def test_labels_as_audacity_writes_them(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"1.5\t2.5\tsad\r\n\\\t100.0\t200.0\r\n0\t1.5\thappy\r\n")
    assert read_labels(tmp_path / "a.txt") == [Segment(0, 1.5, "happy"), Segment(1.5, 1.0, "sad")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no label"),
        ("0 1 sad\n", r":1: has 1 fields"),
        ("\n1\tx\tsad\n", r":2: end 'x'"),
        ("1\t1\tsad\n", r":1: ends at 1 s"),
        ("0\t1\t \n", r":1: has no label"),
    ],
)
def test_labels_errors(tmp_path, text, said):
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(InputError, match=said):
        read_labels(tmp_path / "a.txt")


def test_textgrid_tiles_and_comes_back(tmp_path):
    timeline = random_timeline(507, less=77)
    path = tmp_path / "a.TextGrid"
    write_textgrid(path, timeline_tiers(timeline), timeline.duration)
    tiers = read_textgrid(path)
    assert list(tiers) == ["emotion", "intensity"]
    expected = timeline.segments()
    assert [s.emotion for s in tiers["emotion"]] == [s.emotion for s in expected]
    for tier in tiers.values():
        edges = [0.0, *(s.end for s in tier)]
        assert edges == pytest.approx([0.0, *(s.end for s in expected)], abs=1e-6)
        assert [s.onset for s in tier] == pytest.approx(edges[:-1], abs=1e-9)
    level = timeline.intensity[: round(expected[0].duration / 0.02)].mean()
    assert float(tiers["intensity"][0].emotion) == pytest.approx(level, abs=0.0051)


def test_textgrid_fills_gaps_and_quotes(tmp_path):
    path = tmp_path / "a.TextGrid"
    write_textgrid(path, {'a "tier"': [Segment(1.0, 0.5, 'so "sad"!')]}, 2.0)
    text = path.read_text()
    assert text.count("intervals [") == 3
    assert read_textgrid(path) == {'a "tier"': [Segment(1.0, 0.5, 'so "sad"!')]}


def test_textgrid_is_read_by_praat(tmp_path):
    parselmouth = pytest.importorskip("parselmouth")
    timeline = random_timeline(200)
    write_textgrid(tmp_path / "a.TextGrid", timeline_tiers(timeline), timeline.duration)
    grid = parselmouth.read(str(tmp_path / "a.TextGrid"))
    ask = parselmouth.praat.call
    segments = timeline.segments()
    assert ask(grid, "Get number of tiers") == 2
    assert ask(grid, "Get tier name", 1) == "emotion"
    assert ask(grid, "Get number of intervals", 1) == len(segments)
    assert ask(grid, "Get end time") == pytest.approx(timeline.duration)
    for k, segment in enumerate(segments, start=1):
        assert ask(grid, "Get label of interval", 1, k) == segment.emotion
        assert ask(grid, "Get start time of interval", 1, k) == pytest.approx(segment.onset, abs=1e-6)
    for command in ("Save as text file", "Save as short text file"):  # and what Praat writes comes back
        ask(grid, f"{command}...", str(tmp_path / "b.TextGrid"))
        again = read_textgrid(tmp_path / "b.TextGrid")["emotion"]
        assert [(s.onset, s.emotion) for s in again] == [
            (pytest.approx(s.onset, abs=1e-6), s.emotion) for s in segments
        ]


HEAD = 'File type = "ooTextFile"\nObject class = "TextGrid"\n0\n2\n<exists>\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ":1: is not a TextGrid in text format"),
        ('"ooTextFile" "Pitch" 0 1', "is not a TextGrid"),
        (HEAD + "1.5", r":6: number of tiers '1.5'"),
        (HEAD + '1 "IntervalTier" "e" 0 2\n1\n0 2', r":8: expected a string \(text\), found nothing more"),
        (HEAD + '1 "IntervalTier" "e" 0 2\n1\n2 1 "sad"', r":8: interval ends at 1 s"),
        (HEAD + '1 "IntervalTier" "e" 0 2 2\n0 1 "sad"\n0.5 2 "sad"', r":8: interval starts at 0.5 s"),
        (HEAD + '1 "Sound" "e" 0 2 0', r":6: tier class 'Sound'"),
        (HEAD + '2 "IntervalTier" "e" 0 2 0\n"IntervalTier" "e" 0 2 0', r":7: a second tier"),
        (HEAD + '1 "IntervalTier" "e" 0 2 2\n0 1 "sad"', r":6: tier announces 2 items and holds 1"),
        (HEAD + '2 "IntervalTier" "e" 0 2 1\n0 1 "sad"', r":7: expected a string \(class of a tier\)"),
    ],
)
def test_textgrid_errors(tmp_path, text, said):
    (tmp_path / "a.TextGrid").write_text(text)
    with pytest.raises(InputError, match=said):
        read_textgrid(tmp_path / "a.TextGrid", strict=True)


def test_textgrid_point_tiers_are_passed_over(tmp_path):
    text = HEAD + '2 "TextTier" "p" 0 2 1 ! a comment "x"\n0.5 "peak"\n"IntervalTier" "e" 0 2 1 0 2 "sad"'
    (tmp_path / "a.TextGrid").write_text(text)
    assert read_textgrid(tmp_path / "a.TextGrid") == {"e": [Segment(0, 2, "sad")]}


def test_uem_round_trip_and_errors(tmp_path):
    path = tmp_path / "a.uem"
    write_uem(path, {"a b": [(3.0, 4.5)], "c": [(0.0, 1.25), (2.0, 3.0)]})
    assert path.read_text() == "a_b 1 3.000 4.500\nc 1 0.000 1.250\nc 1 2.000 3.000\n"
    path.write_text(";; comment\n\nc 1 2 3\r\nc NA 0 1.25\n")
    assert read_uem(path) == {"c": [(0.0, 1.25), (2.0, 3.0)]}
    for text, said in (
        ("", r"a\.uem: holds no region; expected lines of uri channel start end$"),
        ("a 1 0\n", ":1: has 3 fields"),
        ("a 1 0 x\n", ":1: end 'x'"),
        ("a 1 2 2\n", ":1: region ends at 2 s"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=said):
            read_uem(path)


def test_a_bad_line_of_a_uem_is_left_out_or_refused(tmp_path, caplog):
    path = tmp_path / "a.uem"
    path.write_bytes(
        b"# by hand\r\n; so\r\na 1 2 3\r\na 1 nan 1\r\ncaf\xe9 1 0 2\r\na 1 5\r\na 1 0 2.5\r\na 1 -1 4\r\na 1 4 4\r\n"
    )
    with caplog.at_level("WARNING", "sedtalker"):
        assert read_uem(path) == {"a": [(0.0, 2.5), (2.0, 3.0)], "café": [(0.0, 2.0)]}
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}:4: start 'nan' is not a number >= 0: left out",
        f"{path}:6: has 3 fields, expected uri channel start end: left out",
        f"{path}:8: start '-1' is not a number >= 0: left out",
        f"{path}:9: region ends at 4 s, not after its start 4 s: left out",
    ]
    with pytest.raises(InputError, match=r"a\.uem:4: start 'nan'"):
        read_uem(path, strict=True)


def test_rttm_of_diarize_is_read_by_pyannote(tmp_path, sound, fake_models):
    database = pytest.importorskip("pyannote.database.util")
    core = pytest.importorskip("pyannote.core")
    call("diarize", sound, "--out", tmp_path)
    annotation = database.load_rttm(tmp_path / "speech.rttm")["speech"]
    assert isinstance(annotation, core.Annotation)
    tracks = [(round(s.start, 3), round(s.end, 3), label) for s, _, label in annotation.itertracks(yield_label=True)]
    assert tracks == [(0.0, 0.74, "happy"), (0.74, 1.5, "sad")]
    assert annotation.get_timeline().support().duration() == pytest.approx(1.5)
    with open(tmp_path / "again.rttm", "w") as file:
        annotation.write_rttm(file)
    again = read_rttm(tmp_path / "again.rttm")["speech"]  # and what pyannote writes comes back
    assert [(s.onset, s.emotion) for s in again] == [(0.0, "happy"), (0.74, "sad")]


def test_rttm_is_read_by_meeteval(tmp_path):
    meeteval = pytest.importorskip("meeteval")
    timeline = random_timeline(300)
    write_rttm(tmp_path / "a.rttm", timeline.segments(), "a b")
    lines = meeteval.io.load(tmp_path / "a.rttm").to_seglst()
    expected = read_rttm(tmp_path / "a.rttm")["a_b"]
    assert {line["session_id"] for line in lines} == {"a_b"}
    assert [line["speaker"] for line in lines] == [s.emotion for s in expected]
    assert [float(line["start_time"]) for line in lines] == pytest.approx([s.onset for s in expected])
    assert [float(line["end_time"]) for line in lines] == pytest.approx([s.end for s in expected])


def test_peak_envelope_equals_the_plain_one():
    waveform = np.random.default_rng(0).normal(size=5003).astype(np.float32)
    column = np.arange(5003) * 97 // 5003
    lows, highs = peak_envelope(np.split(waveform, [1, 700, 700, 2900, 5002]), 5003, 97)
    for k in range(97):
        assert lows[k] == waveform[column == k].min()
        assert highs[k] == waveform[column == k].max()
    short, _ = peak_envelope([waveform[:2000]], 5003, 97)  # a stream that ends early
    assert (short[column[1999] + 1 :] == 0).all()
    assert (peak_envelope([waveform], 4000, 97)[1] >= highs[0]).any()  # or late


def test_column_means():
    values = np.arange(20.0).reshape(10, 2)
    assert column_means(values, 10) is values
    expected = [values[:3].mean(0), values[3:6].mean(0), values[6:].mean(0)]
    assert np.allclose(column_means(values, 3), expected)
    assert np.allclose(column_means(values[:, 0], 3), [row[0] for row in expected])


def test_memory_of_a_long_envelope_is_bounded():
    def blocks():
        for _ in range(360):
            yield np.ones(160000, np.float32)

    tracemalloc.start()
    lows, _ = peak_envelope(blocks(), 360 * 160000, 1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (lows == 1).all()
    assert peak < 20e6  # the signal itself: 230 MB


def test_clock():
    assert [clock(2.5), clock(14), clock(65), clock(3600), clock(0, 60)] == ["2.5", "14", "1:05", "1:00:00", "0:00"]


def test_csv_and_json_hold_the_same(tmp_path, sound, fake_models):
    call("diarize", sound, "--out", tmp_path, "--format", "json")
    one, other = read_emotion_csv(tmp_path / "speech.emotion.csv"), read_emotion_json(tmp_path / "speech.emotion.json")
    assert np.allclose(one.posteriors, other.posteriors, atol=2e-6)
    assert np.array_equal(one.labels, other.labels)
    assert np.array_equal(one.speech, other.speech)


def test_speech_in_json(tmp_path):
    """It comes back; a file of an earlier version has none and is read, a wrong one is refused."""
    path = tmp_path / "a.emotion.json"
    rows = np.eye(7)[[4, 4, 3]]
    write_emotion_json(path, EmotionTimeline(EMOTIONS, rows, np.zeros(3), [4, 4, 3], 0.06, [0, 0.5, 0.75]), "a")
    assert read_emotion_json(path).speech.tolist() == [0, 0.5, 0.75]
    content = json.loads(path.read_text())
    for speech in ([0, 0.5], [0, 0.5, 1.5], [0, 0.5, "x"]):
        path.write_text(json.dumps(content | {"frames": content["frames"] | {"speech": speech}}))
        with pytest.raises(InputError, match="speech"):
            read_emotion_json(path)
    del content["frames"]["speech"]
    path.write_text(json.dumps(content))
    assert read_emotion_json(path).speech.tolist() == [1, 1, 1]
