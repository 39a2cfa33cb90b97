"""Overrides made elsewhere: lines of unknown emotions and of moments that have one already are left out."""

import logging
import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedtalker_cli.emotion.timeline import EMOTIONS, EmotionTimeline, Segment
from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.formats.one_emotion import one_at_a_time
from sedtalker_cli.formats.overrides import parse_override
from sedtalker_cli.formats.rttm import read_rttm
from sedtalker_cli.formats.skipping import Skipped
from sedtalker_cli.formats.speaker_rttm import read_speaker_rttm, turns_of

VALID = "valid emotions: angry, disgust, fear, happy, neutral, sad, surprise"


@pytest.fixture
def warned(caplog):
    caplog.set_level(logging.WARNING, "sedtalker")
    return lambda: [record.getMessage() for record in caplog.records]


def rttm(*lines: tuple[str, float, float, str]) -> str:
    return "".join(
        f"SPEAKER {uri} 1 {onset} {length} <NA> <NA> {label} 1 <NA>\n" for uri, onset, length, label in lines
    )


def textgrid(*tiers: tuple[str, list[str]]) -> str:
    """Tiers of intervals of 1 s, all as long."""
    end = len(tiers[0][1])
    head = f'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n{end}\n<exists>\n{len(tiers)}\n'
    return head + "".join(
        f'"IntervalTier"\n"{name}"\n0\n{end}\n{end}\n'
        + "".join(f'{k}\n{k + 1}\n"{text}"\n' for k, text in enumerate(texts))
        for name, texts in tiers
    )


FILES = {
    "a.rttm": (rttm(("a", 0, 1, "sad"), ("a", 1, 1, "hapy"), ("a", 2, 1, "Fear")), 2),
    "a.txt": ("0\t1\tsad\n1\t2\thapy\n2\t3\tFear\n", 2),
    "a.TextGrid": (textgrid(("emotion", ["sad", "hapy", "Fear"])), 16),
}


@pytest.mark.parametrize("name", FILES)
def test_a_line_of_an_unknown_emotion_is_left_out(tmp_path, warned, name):
    """Others count, in capitals too; with `--strict` the file is refused, as is one of which nothing is left."""
    path, (text, line) = tmp_path / name, FILES[name]
    path.write_text(text)
    spans = parse_override(str(path), EMOTIONS)
    assert [(s.start, s.end, s.emotion, s.intensity) for s in spans] == [(0, 1, "sad", 1), (2, 3, "fear", 1)]
    assert warned() == [f"{path}:{line}: unknown emotion 'hapy'; {VALID}: left out"]
    with pytest.raises(UsageError) as error:
        parse_override(str(path), EMOTIONS, strict=True)
    assert str(error.value) == f"emotion override {path}:{line}: unknown emotion 'hapy'; {VALID}"
    path.write_text(text.replace("sad", "bad").replace("Fear", "tear"))
    with pytest.raises(UsageError, match=re.escape(f"emotion override {path}:") + r"\d+: unknown emotion 'bad'"):
        parse_override(str(path), EMOTIONS)


def test_a_row_of_an_unknown_emotion_takes_the_values_of_its_neighbour(tmp_path, warned):
    path = tmp_path / "a.emotion.csv"
    rows = [f"{k},{k * 0.02:.2f},{'sad' if k < 20 else 'Happy'}" for k in range(40)]
    rows[25] = "25,0.50,hapy"
    path.write_text("\n".join(["frame,time,emotion", *rows]))
    timeline = parse_override(str(path), EMOTIONS)
    assert timeline.classes == ("happy", "sad") and timeline.labels.tolist() == [1] * 20 + [0] * 20
    assert warned() == [f"{path}:27: unknown emotion 'hapy'; {VALID}: left out"]
    with pytest.raises(UsageError, match=re.escape(f"override {path}:27: unknown emotion 'hapy'; {VALID}")):
        parse_override(str(path), EMOTIONS, strict=True)
    path.write_text("time,emotion,p_sad,p_calm\n0,sad,1,0\n")
    with pytest.raises(UsageError, match=re.escape(f"{path}:1: column p_calm is of an unknown emotion; {VALID}")):
        parse_override(str(path), EMOTIONS)


def test_of_segments_that_overlap_as_few_as_possible_are_left_out(tmp_path, warned):
    """A mistyped end, 12 s as 120 s, costs one line and not all that follow."""
    path = tmp_path / "a.rttm"
    path.write_text(
        rttm(
            ("a", 10, 110, "sad"),
            ("a", 0, 10.03, "fear"),
            ("a", 12, 2, "happy"),
            ("a", 14, 2, "sad"),
            ("a", 14, 3, "fear"),
        )
    )
    spans = parse_override(str(path), EMOTIONS)
    assert [(s.start, s.end, s.emotion) for s in spans] == [(0, 10.03, "fear"), (12, 14, "happy"), (14, 16, "sad")]
    assert warned() == [
        f"{path}:1: sad from 10 to 120 s overlaps happy in line 3; give each moment one emotion: left out",
        f"{path}:5: fear from 14 to 17 s overlaps sad in line 4; give each moment one emotion: left out",
    ]
    with pytest.raises(UsageError, match=re.escape(f"emotion override {path}:1: sad from 10 to 120 s overlaps")):
        parse_override(str(path), EMOTIONS, strict=True)


@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(1, 900)), min_size=1, max_size=7))
def test_what_is_left_does_not_overlap_and_could_not_be_more(pairs):
    segments = [Segment(onset / 10, length / 10, "sad", line=k) for k, (onset, length) in enumerate(pairs, start=1)]
    skipped = Skipped("a.rttm")
    found = one_at_a_time(segments, skipped)
    assert all(one.end <= other.onset for one, other in pairwise(found))
    assert len(found) + len(skipped.faults) == len(segments)
    most, end = 0, -1.0  # how many can be had, by their ends
    for segment in sorted(segments, key=lambda s: s.end):
        if segment.onset >= end - 1e-9:
            most, end = most + 1, segment.end
    assert len(found) == most


def test_a_line_beyond_the_end_is_left_out(tmp_path, warned):
    """One file may be for recordings of several lengths; if all lines are beyond the end, it is for others."""
    path = tmp_path / "a.txt"
    path.write_text("0\t0.5\tsad\n1\t2\tfear\n")
    timeline = EmotionTimeline(("fear", "happy", "sad"), np.tile([0.0, 1.0, 0.0], (50, 1)), np.ones(50), [1] * 50, 1.0)
    found = timeline.override(parse_override(str(path), EMOTIONS))
    assert [(s.onset, s.end, s.emotion) for s in found.segments()] == [(0, 0.5, "sad"), (0.5, 1, "happy")]
    assert warned() == [
        f"{path}:2: emotion override 1-2=fear: starts beyond the end of the recording (1.000 s): left out"
    ]
    path.write_text("1\t2\tfear\n")
    for spec in (parse_override(str(path), EMOTIONS), "0-0.5=sad,1-2=fear"):
        with pytest.raises(UsageError, match=re.escape("emotion override 1-2=fear: starts beyond the end of the rec")):
            timeline.override(spec)


def test_a_recording_whose_lines_are_all_bad_gets_nobody_elses(tmp_path):
    path = tmp_path / "a.rttm"
    path.write_text(rttm(("a", 0, 1, "sad"), ("b", 0, 1, "glad")) + "SPEAKER\nSPEAKER c\n")
    assert [s.emotion for s in parse_override(str(path), EMOTIONS, "a")] == ["sad"]
    for name, said in (("b", "no line of 'b' can be used"), ("c", "holds 2 recordings, none called 'c'")):
        with pytest.raises(UsageError, match=re.escape(f"emotion override {path}: {said}")):
            parse_override(str(path), EMOTIONS, name)
    path.write_text(rttm(("b", 0, 1, "glad"), ("a", 0, 1, "sad")))
    assert [s.emotion for s in parse_override(str(path), EMOTIONS)] == ["sad"]
    path.write_text(rttm(("a", 0, 1, "sad")) + "SPEAKER b 1\n")
    assert list(read_rttm(path)) == list(read_speaker_rttm(path)) == ["a", "b"]
    path.write_text(rttm(("a", 0, 1, "sad"), ("b", 0, "x", "sad")))
    assert read_rttm(path) == {"a": [Segment(0, 1, "sad")], "b": []}
    turns = read_speaker_rttm(path)
    assert list(turns) == ["a", "b"] and [turn.speaker for turn in turns_of(path, turns, "a")] == ["sad"]
    with pytest.raises(InputError, match=re.escape(f"{path}: no turn of b can be used; ")):
        turns_of(path, turns, "b")
    path.write_text(rttm(("a", 0, 1, "sad")) + "SPEAKER\nSPEAKER spee\n")  # a name that is cut off is none
    assert [s.emotion for s in parse_override(str(path), EMOTIONS, "speech")] == ["sad"]
    assert list(read_speaker_rttm(path)) == ["a"]


def test_the_tier_that_names_emotions_is_taken(tmp_path, warned):
    """Whatever it is called, if none is called `emotion`; a word among words is no emotion."""
    path = tmp_path / "a.TextGrid"
    words = ("words", ["how", "sad", "this", "is"])
    for tier, texts in (("feelings", ["happy", "happy", "fear", "sad"]), ("Emotion", ["happy", "x", "fear", "sad"])):
        path.write_text(textgrid(words, ("numbers", ["1", "2", "3", "4"]), (tier, texts)))
        found = [s.emotion for s in parse_override(str(path), EMOTIONS)]
        assert found == [text for text in texts if text != "x"]
    assert warned() == [f"{path}:50: unknown emotion 'x'; {VALID}: left out"]
    path.write_text(textgrid(("EMOTION", ["sad", "y"]), ("other", ["fear", "fear"])))  # its name counts first
    assert [s.emotion for s in parse_override(str(path), EMOTIONS)] == ["sad"]
    many = ("words", ["so", "sad", "so", "sad", "so", "sad"])
    path.write_text(textgrid(many, ("f", ["happy", "", "", "happy", "", ""])))  # the share, not the number
    assert [s.emotion for s in parse_override(str(path), EMOTIONS)] == ["happy", "happy"]
    path.write_text(textgrid(words, ("emotion", ["", "", "", ""])))
    assert [s.emotion for s in parse_override(str(path), EMOTIONS)] == ["sad"]
