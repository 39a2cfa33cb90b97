"""RTTM: bytes, round trips, files of other tools."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sedtalker_cli.emotion.timeline import EMOTIONS, EmotionTimeline, Segment
from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.edges import written_edges
from sedtalker_cli.formats.rttm import format_rttm, read_rttm, safe_uri, write_rttm

SEGMENTS = [
    Segment(0.0, 1.24, "neutral", 0.8123),
    Segment(1.24, 0.7605, "happy", 0.95),
    Segment(2.0005, 0.0101, "sad", 1.0),
]


def test_rttm_golden(tmp_path):
    write_rttm(tmp_path / "a.rttm", SEGMENTS, "my file\tone")
    assert (tmp_path / "a.rttm").read_text() == (
        "SPEAKER my_file_one 1 0.000 1.240 <NA> <NA> neutral 0.812 <NA>\n"
        "SPEAKER my_file_one 1 1.240 0.760 <NA> <NA> happy 0.950 <NA>\n"
        "SPEAKER my_file_one 1 2.000 0.011 <NA> <NA> sad 1.000 <NA>\n"
    )


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 5000), st.integers(0, 320), st.integers(0, 10**6))
def test_rttm_tiles_without_gap(frames, less, seed):
    duration = (frames * 320 - min(less, 319)) / 16000
    labels = np.random.default_rng(seed).integers(0, 7, frames)
    timeline = EmotionTimeline(EMOTIONS, np.full((frames, 7), 1 / 7), np.zeros(frames), labels, duration)
    position = 0
    for line in format_rttm(timeline.segments(), "x").splitlines():
        onset, length = (round(float(field) * 1000) for field in line.split()[3:5])
        assert onset == position
        assert length > 0
        position = onset + length
    assert position == round(duration * 1000)


def test_gaps_stay_and_what_touches_still_touches(tmp_path):
    """In RTTM with 3 decimals, in other formats with 6; a segment that rounds to nothing is left out."""
    apart = [Segment(0, 1, "sad"), Segment(1.5, 0.5, "happy"), Segment(2.5, 1e-9, "fear")]
    assert [line.split()[3:5] for line in format_rttm(apart, "a").splitlines()] == [
        ["0.000", "1.000"],
        ["1.500", "0.500"],
    ]
    assert written_edges(apart) == [(0, 1, apart[0]), (1.5, 2, apart[1])]
    touching = [Segment(0, 1.0000004999, "sad"), Segment(1.0000005001, 1, "happy")]
    assert [edge[:2] for edge in written_edges(touching)] == [(0, 1.0), (1.0, 2.000001)]
    assert [edge[:2] for edge in written_edges([Segment(0, 0.12345678, "sad")])] == [(0, 0.123457)]
    write_rttm(tmp_path / "a.rttm", [Segment(0, 1, "sad")], "a\udcff")  # a name that is not text
    assert (tmp_path / "a.rttm").read_bytes().startswith(b"SPEAKER a? 1 ")


def test_rttm_round_trip(tmp_path):
    write_rttm(tmp_path / "a.rttm", SEGMENTS, "ü x")
    first = (tmp_path / "a.rttm").read_bytes()
    recordings = read_rttm(tmp_path / "a.rttm")
    assert list(recordings) == ["ü_x"]
    write_rttm(tmp_path / "b.rttm", recordings["ü_x"], "ü_x")
    assert (tmp_path / "b.rttm").read_bytes() == first


def test_rttm_of_other_tools(tmp_path):
    (tmp_path / "a.rttm").write_bytes(
        b"\xef\xbb\xbf;; comment\r\n\r\nSPKR-INFO a 1 <NA> <NA> <NA> unknown x <NA> <NA>\r\n"
        b"SPEAKER a 1 2 1.5 <NA> <NA> sad <NA> <NA>\r\nSPEAKER a 1 0 2 <NA> <NA> happy 0.5\r\n"
    )
    wanted = {"a": [Segment(0, 2, "happy", 0.5), Segment(2, 1.5, "sad", 1.0)]}
    assert read_rttm(tmp_path / "a.rttm", strict=True) == wanted


def test_rttm_is_read_by_pyannote(tmp_path):
    database = pytest.importorskip("pyannote.database.util")
    write_rttm(tmp_path / "a.rttm", SEGMENTS, "a b")
    annotation = database.load_rttm(tmp_path / "a.rttm")["a_b"]
    assert [(label, s.start, s.end) for s, _, label in annotation.itertracks(yield_label=True)] == [
        ("neutral", 0.0, 1.24),
        ("happy", 1.24, 2.0),
        ("sad", 2.0, pytest.approx(2.011)),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"a\.rttm: holds no SPEAKER line; is it an RTTM file\?$"),
        ("hello there\n", r"a\.rttm:1: not an RTTM line; expected SPEAKER and 9 fields$"),
        ("SPEAKER a 1 0 1 <NA> <NA> sad much <NA>\n", r":1: confidence 'much' is not a number >= 0$"),
        ("SPEAKER a 1 0 1 <NA> <NA>\n", r":1: has 7 fields"),
        ("\nSPEAKER a 1 x 1 <NA> <NA> sad 1 <NA>\n", r":2: onset 'x'"),
        ("SPEAKER a 1 -1 1 <NA> <NA> sad 1 <NA>\n", "onset '-1'"),
        ("SPEAKER a 1 nan 1 <NA> <NA> sad 1 <NA>\n", "onset 'nan'"),
        ("SPEAKER a 1 0 0 <NA> <NA> sad 1 <NA>\n", "duration is 0"),
        ("SPEAKER a 1 0 inf <NA> <NA> sad 1 <NA>\n", "duration 'inf'"),
    ],
)
def test_rttm_errors(tmp_path, text, said):
    (tmp_path / "a.rttm").write_text(text)
    with pytest.raises(InputError, match=said):
        read_rttm(tmp_path / "a.rttm")


def test_uri_has_no_white_space():
    assert safe_uri("a b\n c\u00a0d") == "a_b__c_d"
    assert safe_uri("") == "_"
