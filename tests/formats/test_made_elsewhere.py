"""Tables and labels as other programs leave them: one bad item is left out and named, the rest is read."""

import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sedtalker_cli.emotion.timeline import EMOTIONS, Segment
from sedtalker_cli.formats.audacity import read_labels
from sedtalker_cli.formats.captions import read_captions
from sedtalker_cli.formats.overrides import parse_override
from sedtalker_cli.formats.rttm import read_rttm


@pytest.fixture
def warned(caplog):
    caplog.set_level(logging.WARNING, "sedtalker")
    return lambda: [record.getMessage() for record in caplog.records]


def test_an_rttm_with_bad_lines_keeps_the_good_ones(tmp_path, warned):
    (tmp_path / "a.rttm").write_bytes(
        b"\xef\xbb\xbf# made by hand\r\nSPEAKER\tcaf\xe9\t1\t2.0\t1.0\t<NA>\t<NA>\tsad\r\n"
        b"NON-SPEECH x 1 0 1 <NA> <NA> noise <NA> <NA>\r\nSPEAKER caf\xe9 1 1.0 0.000 <NA> <NA> happy <NA> <NA>\r\n"
        b"SPEAKER caf\xe9 1 0 1.001 <NA> <NA> happy <NA> <NA>\r\n"
        b"SPEAKER caf\xe9 1 nan 1 <NA> <NA> sad <NA> <NA>\r\nhello\r\n"
    )
    found = [segment for segments in read_rttm(tmp_path / "a.rttm").values() for segment in segments]
    assert found == [Segment(0, 1.001, "happy"), Segment(2, 1, "sad")]
    said = warned()
    assert [text.split("a.rttm:")[1][:2] for text in said] == ["4:", "6:", "7:"]
    assert "duration is 0" in said[0] and "onset 'nan'" in said[1] and "not an RTTM line" in said[2]


def test_segments_that_overlap_by_a_millisecond_touch(tmp_path):
    (tmp_path / "a.rttm").write_text(
        "SPEAKER a 1 0 1.001 <NA> <NA> happy 1 <NA>\nSPEAKER a 1 1 1 <NA> <NA> sad 1 <NA>\n"
    )
    spans = parse_override(str(tmp_path / "a.rttm"), EMOTIONS)
    assert [(span.start, span.end, span.emotion) for span in spans] == [(0, 1, "happy"), (1, 2, "sad")]


def test_what_diarize_writes_can_be_fed_back(tmp_path):
    from sedtalker_cli.formats.audacity import write_labels
    from sedtalker_cli.formats.textgrid import write_textgrid

    segments = [Segment(0, 1, "happy"), Segment(1, 0.5, "sad")]
    write_labels(tmp_path / "a.labels.txt", segments)
    write_textgrid(tmp_path / "a.TextGrid", {"intensity": [Segment(0, 1, "0.5")], "emotion": segments}, 1.5)
    text = (tmp_path / "a.TextGrid").read_text()
    (tmp_path / "b.TextGrid").write_bytes(text.encode("utf-16"))
    for name in ("a.labels.txt", "a.TextGrid", "b.TextGrid"):
        spans = parse_override(str(tmp_path / name), EMOTIONS)
        assert [(span.start, span.end, span.emotion) for span in spans] == [(0, 1, "happy"), (1, 1.5, "sad")]


def test_labels_with_points_and_frequencies(tmp_path, warned):
    (tmp_path / "a.txt").write_text("0,0\t1,5\thappy\n\\\t100\t2000\n1.5\t1.5\tmark\n1.5\t2\tsad\n")
    assert read_labels(tmp_path / "a.txt") == [Segment(0, 1.5, "happy"), Segment(1.5, 0.5, "sad")]
    assert len(warned()) == 1 and "a.txt:3" in warned()[0]


YOUTUBE = """WEBVTT
Kind: captions
Language: en

00:00:00.000 --> 00:00:02.000 align:start position:0%
 
hello<00:00:00.500><c> there</c>

00:00:02.000 --> 00:00:02.010 align:start position:0%
hello there
 

00:00:02.010 --> 00:00:04.000 align:start position:0%
hello there
how<00:00:03.000><c> are you</c>
"""


def test_captions_that_roll_are_shown_once(tmp_path):
    (tmp_path / "a.vtt").write_text(YOUTUBE)
    assert [caption.text for caption in read_captions(tmp_path / "a.vtt")] == ["hello there", "how are you"]


def test_captions_without_length_empty_lines_or_plain_words(tmp_path, warned):
    (tmp_path / "a.srt").write_text(
        "1\n00:00:01,000 --> 00:00:01,000\nnothing\n\n2\n00:00:01,000 --> 00:00:02,000\n{\\an8}{\\i1}one\\Ntwo\n"
        "3\n00:00:01,500 --> 00:00:03,000\nthree\n"
    )
    found = read_captions(tmp_path / "a.srt")
    assert [(caption.onset, caption.end, caption.text) for caption in found] == [(1, 2, "one two"), (1.5, 3, "three")]
    assert len(warned()) == 1 and "a.srt:2" in warned()[0]


GOOD = st.tuples(st.integers(0, 10**6), st.integers(1, 10**5), st.sampled_from(EMOTIONS))
BAD = st.sampled_from(["SPEAKER a 1 x 1 <NA> <NA> sad", "nonsense", "SPEAKER a", "SPEAKER a 1 0 -1 <NA> <NA> sad 1"])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(GOOD, min_size=1, max_size=8), st.lists(BAD, max_size=4), st.sampled_from([" ", "\t", "  "]), st.randoms()
)
def test_good_lines_survive_any_bad_ones(tmp_path_factory, good, bad, space, random):
    lines = [space.join(("SPEAKER", "a", "1", f"{on / 1000}", f"{d / 1000}", "<NA>", "<NA>", e)) for on, d, e in good]
    random.shuffle(lines := [*lines, *bad])
    path = tmp_path_factory.mktemp("rttm") / "a.rttm"
    path.write_text("\n".join(lines))
    wanted = sorted((on / 1000, d / 1000, e) for on, d, e in good)
    assert sorted((s.onset, s.duration, s.emotion) for s in read_rttm(path)["a"]) == wanted
