"""Well-formed files of known content, in the spellings of many programs and with light damage, are read right."""

import logging
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedtalker_cli.emotion.timeline import EmotionTimeline
from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.audacity import read_labels
from sedtalker_cli.formats.captions import Caption, read_captions
from sedtalker_cli.formats.emotion_csv import read_emotion_csv, write_emotion_csv
from sedtalker_cli.formats.rttm import read_rttm
from sedtalker_cli.formats.speaker_rttm import read_speaker_rttm
from sedtalker_cli.formats.textgrid import read_textgrid
from tests.formats import grammars
from tests.hostile.fuzzing import fuzz

MANY = fuzz(100)


class Warnings(logging.Handler):
    """Those of one reading."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.said = []

    def emit(self, record):
        self.said.append(record.getMessage())


@pytest.fixture
def read(tmp_path):
    """Read bytes as a file of a suffix: what is read, and as many warnings as there are bad items; then strictly."""

    def reading(reader, suffix: str, file: grammars.File):
        path, ears = tmp_path / f"a{suffix}", Warnings()
        path.write_bytes(file.data)
        logging.getLogger("sedtalker").addHandler(ears)
        try:
            found = reader(path)
        finally:
            logging.getLogger("sedtalker").removeHandler(ears)
        assert len(ears.said) == file.bad
        lines = len(re.split(rb"\n\0?", file.data))
        for text in ears.said:
            number = re.match(rf"{re.escape(str(path))}:(\d+): .+: left out$", text)
            assert number is not None and 1 <= int(number[1]) <= lines
        if file.bad:
            with pytest.raises(InputError) as error:
                reader(path, strict=True)
            assert f"{error.value}: left out" in ears.said
        else:
            assert reader(path, strict=True) == found
        return found

    return reading


@MANY
@given(grammars.subrip())
def test_subrip(read, file):
    assert read(read_captions, ".srt", file) == [Caption(i.start / 1000, i.end / 1000, i.text) for i in file.content]


@MANY
@given(grammars.webvtt())
def test_webvtt(read, file):
    assert read(read_captions, ".vtt", file) == [Caption(i.start / 1000, i.end / 1000, i.text) for i in file.content]


@MANY
@given(grammars.audacity())
def test_audacity(read, file):
    found = read(read_labels, ".txt", file)
    assert [(s.onset, round(s.end, 6), s.emotion) for s in found] == [
        (i.start / 1000, i.end / 1000, i.text) for i in file.content
    ]


@MANY
@given(grammars.rttm())
def test_rttm(read, file):
    found = read(read_rttm, ".rttm", file)
    wanted = {}
    for uri, item in file.content:
        wanted.setdefault(uri, []).append((item.start / 1000, (item.end - item.start) / 1000, item.text))
    said = {uri: [(s.onset, s.duration, s.emotion) for s in segments] for uri, segments in found.items() if segments}
    assert said == wanted
    assert {s.confidence for segments in found.values() for s in segments} <= {0.25, 1.0}


@MANY
@given(grammars.rttm())
def test_rttm_of_speakers(tmp_path, file):
    (tmp_path / "a.rttm").write_bytes(file.data)
    found = read_speaker_rttm(tmp_path / "a.rttm")
    wanted = {}
    for uri, item in file.content:
        wanted.setdefault(uri, []).append((item.start / 1000, (item.end - item.start) / 1000, item.text))
    assert {uri: [(t.onset, t.duration, t.speaker) for t in turns] for uri, turns in found.items() if turns} == wanted


@MANY
@given(grammars.textgrid())
def test_textgrid(tmp_path, read, file):
    if file.bad and not any(file.content):
        (tmp_path / "a.TextGrid").write_bytes(file.data)
        with pytest.raises(InputError, match=r"a\.TextGrid:\d+: "):
            read_textgrid(tmp_path / "a.TextGrid")
        return
    found = read(read_textgrid, ".TextGrid", file)
    assert list(found) == [f"tier {number}" for number in range(len(file.content))]
    for segments, wanted in zip(found.values(), file.content, strict=True):
        assert [(s.onset, round(s.end, 6), s.emotion.replace("\r", "")) for s in segments] == [
            (i.start / 1000, i.end / 1000, i.text) for i in wanted
        ]


@st.composite
def tables(draw) -> tuple[EmotionTimeline, bytes, int, str]:
    """A timeline as a spreadsheet saves it, with other columns in another order; the line that is wrong, and how."""
    frames = draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    parts = rng.multinomial(1_000_000, [0.2, 0.3, 0.5], frames)
    labels, intensity = rng.integers(0, 3, frames), rng.integers(0, 10_001, frames) / 10_000
    classes = ("fear", "happy", "sad")
    timeline = EmotionTimeline(classes, parts / 1e6, intensity, labels, frames * 0.02, rng.integers(0, 2, frames))
    columns = {
        "time": [f"{k * 0.02:.2f}" for k in range(frames)],
        "emotion": [draw(st.sampled_from([classes[k], classes[k].title(), f" {classes[k]} "])) for k in labels],
        "intensity": [repr(value) for value in intensity.tolist()],
        **{f"p_{name}": [repr(value) for value in (parts[:, k] / 1e6).tolist()] for k, name in enumerate(classes)},
        "speech": [str(value) for value in timeline.speech],
    }
    if draw(st.booleans()):
        columns["frame"] = [str(k) for k in range(frames)]
    if draw(st.booleans()):
        columns["my notes"] = [draw(st.sampled_from(["", "well", 'he said ""no""'])) for _ in range(frames)]
    wrong, said = 0, ""
    if draw(st.booleans()):
        wrong = draw(st.integers(0, frames - 1))
        name, cell, said = draw(
            st.sampled_from(
                [
                    ("emotion", "glad", "emotion 'glad' has no column"),
                    ("intensity", "much", "intensity 'much' is not a number from 0 to 1"),
                    ("p_sad", "", "p_sad '' is not a number from 0 to 1"),
                    ("time", "7", f"time is 7, expected {wrong * 0.02:g}"),
                    ("speech", "2", "speech '2' is not a number from 0 to 1"),
                    ("p_fear", "1.0", "probabilities sum to"),
                ]
            )
        )
        columns[name][wrong] = cell
    names = draw(st.permutations(list(columns)))
    separator, comma = draw(st.sampled_from([(",", False), (";", True), (";", False), ("\t", True), ("\t", False)]))
    rows = []
    for k in range(frames):
        cells = [columns[name][k].replace(".", ",") if comma else columns[name][k] for name in names]
        rows.append(separator.join(f'"{cell}"' if '"' in cell else cell for cell in cells))
    text = "\n".join([separator.join(names), *rows]) + draw(st.sampled_from(["", "\n", "\n\n", f"\n{separator}\n"]))
    return timeline, grammars.encoded(draw, text), wrong + 2, said


@MANY
@given(tables())
def test_emotion_csv(tmp_path, table):
    timeline, data, line, said = table
    path = tmp_path / "a.emotion.csv"
    path.write_bytes(data)
    if said:
        with pytest.raises(InputError, match=re.escape(f"{path}:{line}: {said}")):
            read_emotion_csv(path, strict=True)
        if len(timeline.labels) < 20:
            with pytest.raises(InputError, match=re.escape(f"{path}:{line}: {said}")):
                read_emotion_csv(path)
            return
        row, neighbour = line - 2, line - 3 if line > 2 else 1
        for values in (timeline.labels, timeline.posteriors, timeline.intensity, timeline.speech):
            values[row] = values[neighbour]
    found = read_emotion_csv(path)
    assert sorted(found.classes) == list(timeline.classes)
    order = [found.classes.index(name) for name in timeline.classes]
    assert [found.classes[k] for k in found.labels] == [timeline.classes[k] for k in timeline.labels]
    np.testing.assert_allclose(found.posteriors[:, order], timeline.posteriors, atol=1e-12)
    assert found.intensity.tolist() == timeline.intensity.tolist()
    assert found.speech.tolist() == timeline.speech.tolist() and found.duration == timeline.duration


@MANY
@given(st.integers(2, 40), st.integers(0, 10**6), st.data())
def test_edits_of_emotions_in_an_emotion_csv(tmp_path, frames, seed, data):
    """Rows of which only the emotion was edited are taken as edited; all others stay as they are."""
    rng = np.random.default_rng(seed)
    posteriors = rng.multinomial(1000, [0.2, 0.3, 0.5], frames) / 1000
    timeline = EmotionTimeline(("fear", "happy", "sad"), posteriors, np.full(frames, 0.5), [0] * frames, frames * 0.02)
    path = tmp_path / "a.emotion.csv"
    write_emotion_csv(path, timeline)
    lines = path.read_text().splitlines()
    begin = data.draw(st.integers(0, frames - 1))
    end = data.draw(st.integers(begin + 1, frames))
    apart = np.abs(posteriors[:, 0] - posteriors[:, 2]) > 1e-3
    lines[begin + 1 : end + 1] = [line.replace(",fear,", ",sad,") for line in lines[begin + 1 : end + 1]]
    path.write_text("\n".join(lines) + "\n")
    found = read_emotion_csv(path)
    assert found.labels.tolist() == [2 * (begin <= k < end) for k in range(frames)]
    far = np.array([k < begin - 10 or k >= end + 10 for k in range(frames)])
    np.testing.assert_allclose(found.posteriors[far], posteriors[far], atol=1e-9)
    deep = np.array([begin + 10 <= k < end - 10 for k in range(frames)]) & apart
    np.testing.assert_allclose(found.posteriors[deep][:, 2], 1)
