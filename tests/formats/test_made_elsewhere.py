"""Tables and labels as other programs leave them: one bad item is left out and named, the rest is read."""

import logging
import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sedtalker_cli.emotion.spans import Span
from sedtalker_cli.emotion.timeline import EMOTIONS, EmotionTimeline, Segment
from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.formats.audacity import read_labels
from sedtalker_cli.formats.captions import EXPECTED, Caption, read_captions
from sedtalker_cli.formats.emotion_csv import read_emotion_csv, write_emotion_csv
from sedtalker_cli.formats.overrides import parse_override
from sedtalker_cli.formats.rttm import read_rttm
from sedtalker_cli.formats.skipping import NAMED
from sedtalker_cli.formats.speaker_rttm import read_speaker_rttm
from sedtalker_cli.formats.textgrid import read_textgrid, write_textgrid


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
    found = read_captions(tmp_path / "a.vtt", strict=True)
    assert found == [Caption(0.0, 2.01, "hello there"), Caption(2.01, 4.0, "how are you")]
    (tmp_path / "a.vtt").write_text("WEBVTT\n" + "".join(map(cue, (0, 1.05, 2.051, 2.2), (1, 2, 3, 2.5), "aaaa")))
    assert read_captions(tmp_path / "a.vtt") == [Caption(0, 2, "a"), Caption(2.051, 3, "a")]  # 50 ms roll, 51 do not
    (tmp_path / "a.vtt").write_text("WEBVTT\n" + cue(0, 1, "a") + cue(1, 2, "a\nb\nc") + cue(2, 3, "b\nd"))
    assert [caption.text for caption in read_captions(tmp_path / "a.vtt")] == ["a", "b\nc", "b\nd"]


def cue(start: float, end: float, text: str) -> str:
    return f"\n00:{start:06.3f} --> 00:{end:06.3f}\n{text}\n"


def test_captions_come_in_order_of_time_and_without_controls(tmp_path):
    (tmp_path / "a.srt").write_text(
        "00:00:05,000 --> 00:00:06,000\nlate\n00:00:00,000 --> 00:00:02,000\nlong\n"
        "\n3\n00:00:00,000 --> 00:00:01,500\none\x07two\n4\n00:00:03,000 --> 00:00:04,000\n12 monkeys\n \n"
    )
    assert read_captions(tmp_path / "a.srt", strict=True) == [
        Caption(0, 1.5, "one two"),
        Caption(0, 2, "long"),
        Caption(3, 4, "12 monkeys"),
        Caption(5, 6, "late"),
    ]
    (tmp_path / "a.vtt").write_text(
        "WEBVTT\n\nNOTE a\nb\n\nSTYLE\n::cue {}\n\nREGION x\n\n01:02:03.004 --> 02:00:00.000\nno\n"
    )
    assert read_captions(tmp_path / "a.vtt", strict=True) == [Caption(3723.004, 7200, "no")]


GOOD_CUE = "\n\n00:00:05,000 --> 00:00:06,000\nwell\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "1\n00:00:02,000 --> 00:00:01,000\nno\n2\n00:00:05,000 --> 00:00:06,000\nwell\n",
            "2: caption ends at 1 s, not",
        ),
        ("well\n00:00:02,000 --> 00:00:02,000\nno" + GOOD_CUE, "2: caption ends at 2 s, not after its start 2 s"),
        ("00:00:02,000 --> 00:00:01,000\nno" + GOOD_CUE, "1: caption ends at 1 s"),
        ("WEBVTT\n00:00:02.000 --> 00:00:01.000\nno" + GOOD_CUE, "2: caption ends at 1 s"),
        ("WEBVTT x\nKind: y\n00:00:02.000 --> 00:00:01.000\nno" + GOOD_CUE, "3: caption ends at 1 s"),
        ("\n8" + GOOD_CUE, f"3: is no caption: {EXPECTED}, found nothing"),
        ("8\n " + "x" * 41 + GOOD_CUE, f"2: is no caption: {EXPECTED}, found '{'x' * 40}'"),
    ],
)
def test_captions_that_cannot_be_used_are_named_by_their_line(tmp_path, warned, text, said):
    (tmp_path / "a.srt").write_text(text)
    assert [caption.text for caption in read_captions(tmp_path / "a.srt")] == ["well"]
    assert len(warned()) == 1 and warned()[0].startswith(f"{tmp_path}/a.srt:{said}")


def test_a_caption_right_behind_the_head_of_webvtt(tmp_path):
    (tmp_path / "a.vtt").write_text("WEBVTT\n00:01.000 --> 00:02.000\nfirst\n" + cue(3, 4, "second"))
    assert [caption.text for caption in read_captions(tmp_path / "a.vtt", strict=True)] == ["first", "second"]
    (tmp_path / "a.srt").write_text("\n")
    with pytest.raises(InputError) as error:
        read_captions(tmp_path / "a.srt")
    assert str(error.value) == f"{tmp_path}/a.srt: holds no caption; is it SubRip (.srt) or WebVTT (.vtt)?"


def test_captions_without_length_empty_lines_or_plain_words(tmp_path, warned):
    (tmp_path / "a.srt").write_text(
        "1\n00:00:01,000 --> 00:00:01,000\nnothing\n\n2\n00:00:01,000 --> 00:00:02,000\n{\\an8}{\\i1}one\\Ntwo\n"
        "3\n00:00:01,500 --> 00:00:03,000\nthree\n"
    )
    found = read_captions(tmp_path / "a.srt")
    assert [(caption.onset, caption.end, caption.text) for caption in found] == [(1, 2, "one two"), (1.5, 3, "three")]
    assert len(warned()) == 1 and "a.srt:2" in warned()[0]


LONG = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 4
tiers? <exists>
size = 3
item []:
    item [1]:
        class = "TextTier"
        name = "beats"
        xmin = 0
        xmax = 4
        points: size = 2
        points [1]:
            number = 0.5
            mark = "IntervalTier"
        points [2]:
            number = 1.5
            mark = ""
    item [2]:
        class = "IntervalTier"
        name = "words"
        xmin = 0
        xmax = 4
        intervals: size = 1
        intervals [1]:
            xmin = 0
            xmax = 4
            text = "say ""no"",
never = 1"
    item [3]:
        class = "IntervalTier"
        name = "Emotion"
        xmin = 0
        xmax = 4
        intervals: size = 4
        intervals [1]:
            xmin = 0
            xmax = 1
            text = "happy"
        intervals [2]:
            xmin = 1
            xmax = 2
            text = ""
        intervals [3]:
            xmin = 2
            xmax = 3
            text = "sad"
        intervals [4]:
            xmin = 3
            xmax = 4
            text = "fear "
"""
EMOTION = [Segment(0, 1, "happy"), Segment(2, 1, "sad"), Segment(3, 1, "fear")]


def short(text: str) -> str:
    """Praat's short format: the values alone."""
    head, body = text[: text.index("xmin")], text[text.index("xmin") :]
    values = re.findall(r'"(?:[^"]|"")*"|<exists>|(?<= = )[\d.]+', body)
    return head + "\n".join(values) + "\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("form", [str, short])
def test_textgrids_of_praat(tmp_path, warned, form, encoding):
    path = tmp_path / "a.TextGrid"
    path.write_bytes(form(LONG.replace("never", "né")).replace("\n", "\r\n").encode(encoding))
    tiers = read_textgrid(path, strict=True)
    assert list(tiers) == ["words", "Emotion"] and tiers["Emotion"] == EMOTION
    assert [segment.emotion.replace("\r", "") for segment in tiers["words"]] == ['say "no",\nné = 1']
    spans = parse_override(str(path), EMOTIONS, strict=True)
    assert [(span.start, span.end, span.emotion) for span in spans] == [(0, 1, "happy"), (2, 3, "sad"), (3, 4, "fear")]
    assert warned() == []


@pytest.mark.parametrize("form", [str, short])
@pytest.mark.parametrize(
    ("old", "new", "line", "lost", "said"),
    [
        ('xmax = 3\n            text = "sad"', 'xmax = 2\n            text = "sad"', 2, [1], "not after its start 2 s"),
        ('xmax = 3\n            text = "sad"', 'xmax = 30\n            text = "sad"', 2, [1], "after its tier (4 s)"),
        ("xmin = 2\n            xmax = 3", "xmin = 1.5\n            xmax = 3", 2, [1], "before the last one ends"),
        (
            "xmin = 2\n            xmax = 3",
            "xmin = 2.0.1\n            xmax = 3",
            2,
            [1],
            "xmin '2.0.1' is not a number",
        ),
        ("xmin = 2\n            xmax = 3", "xmin = --\n            xmax = 3", 2, [1], "expected a number (xmax)"),
        ("xmin = 2\n", "xmin = -2\n", 2, [1], "xmin '-2' is not a number >= 0"),
        ('text = "sad"', "text = ", 2, [1], "expected a string (text)"),
        ('text = "sad"', 'text = "sad', 2, [1], "expected a string (text)"),
        ('text = "fear "', "", 3, [2], "expected a string (text), found nothing more"),
        ('            text = "sad"\n', '            text = "sad"\n' * 2, 3, [], "expected a number (xmin)"),
    ],
)
def test_one_bad_interval_costs_no_other(tmp_path, warned, form, old, new, line, lost, said):
    """Half an interval's values, wrong ones, or one too many: what is left keeps its place."""
    text = LONG.replace(old, new)
    if form is short:
        values = re.sub(r"(?m)^.*(?:: size =|= ?|item.*|intervals \[.*|points \[.*)", "", text[text.index("xmin") :])
        text = text[: text.index("xmin")] + re.sub(r"tiers\? ", "", values)
    assert text != LONG
    (tmp_path / "a.TextGrid").write_text(text)
    tiers = read_textgrid(tmp_path / "a.TextGrid")
    assert tiers["Emotion"] == [segment for k, segment in enumerate(EMOTION) if k not in lost]
    assert len(tiers["words"]) == 1
    assert len(warned()) == 1 and said in warned()[0] and warned()[0].endswith(": left out")
    number = int(re.search(r"a\.TextGrid:(\d+): ", warned()[0])[1])
    assert text.split("\n")[number - 1].strip()  # a line of the file, near the fault
    with pytest.raises(InputError, match=re.escape(said)):
        read_textgrid(tmp_path / "a.TextGrid", strict=True)


def test_tiers_that_cannot_be_used_cost_no_other(tmp_path, warned):
    again = LONG.replace('name = "words"', 'name = "Emotion"')
    (tmp_path / "a.TextGrid").write_text(again.replace('class = "TextTier"', 'class = "PitchTier"'))
    tiers = read_textgrid(tmp_path / "a.TextGrid")
    assert [segment.emotion for segment in tiers["Emotion"]] == ['say "no",\nnever = 1']  # the first of two
    assert ["PitchTier" in warned()[0], "a second tier" in warned()[1], len(warned())] == [True, True, 2]


def test_a_wrong_end_of_a_tier_costs_nothing(tmp_path):
    """Intervals that touch and go on behind it are right; it is the head of the tier that is wrong."""
    text = LONG.replace(
        '"Emotion"\n        xmin = 0\n        xmax = 4', '"Emotion"\n        xmin = 0\n        xmax = 0.5'
    )
    assert text != LONG
    (tmp_path / "a.TextGrid").write_text(text)
    assert read_textgrid(tmp_path / "a.TextGrid", strict=True)["Emotion"] == EMOTION


def test_a_textgrid_that_says_nothing_is_refused(tmp_path):
    empty = re.sub(r'text = "[^"]*(?:""[^"]*)*"', 'text = ""', LONG)
    (tmp_path / "a.TextGrid").write_text(empty)
    assert read_textgrid(tmp_path / "a.TextGrid") == {"words": [], "Emotion": []}
    with pytest.raises(UsageError, match="has no interval with a text"):
        parse_override(str(tmp_path / "a.TextGrid"), EMOTIONS)
    words = LONG.replace('"say ""no"",\nnever = 1"', '"angry"')
    for tier in ("happy", "sad", "fear "):
        words = words.replace(f'"{tier}"', '""')
    (tmp_path / "a.TextGrid").write_text(words)  # a tier of emotions that is empty
    assert [span.emotion for span in parse_override(str(tmp_path / "a.TextGrid"), EMOTIONS)] == ["angry"]


def test_audacity_points_and_frequencies_of_every_kind(tmp_path, warned):
    """Points have equal times; a range of frequencies follows its label; both may stand anywhere."""
    text = (
        "0.000000\t0.000000\tstart\n\\\t-1.000000\t-1.000000\n0.500000\t1.250000\thappy\n"
        "\\\t86.132813\t20155.078125\n1.250000\t2.000000\tsad\n2.000000\t2.000000\t\n"
    )
    for encoding in ("utf-8", "utf-16"):
        (tmp_path / "a.txt").write_bytes(text.replace("\n", "\r\n").encode(encoding))
        assert read_labels(tmp_path / "a.txt") == [Segment(0.5, 0.75, "happy"), Segment(1.25, 0.75, "sad")]
        spans = parse_override(str(tmp_path / "a.txt"), EMOTIONS)
        assert [(span.start, span.end, span.emotion) for span in spans] == [(0.5, 1.25, "happy"), (1.25, 2, "sad")]
    assert [text.split(": ")[0].rpartition("/")[2] for text in warned()] == ["a.txt:1", "a.txt:6"] * 4
    with pytest.raises(InputError, match=r"a\.txt:1: ends at 0 s, not after its onset 0 s"):
        read_labels(tmp_path / "a.txt", strict=True)


@pytest.mark.parametrize(
    ("read", "name", "text", "said"),
    [
        (read_rttm, "a.rttm", "SPEAKER a 1 0 1 <NA> <NA> sad\nSPEAKER a 1 x 1 <NA> <NA> sad\n", ":2: onset 'x'"),
        (read_speaker_rttm, "a.rttm", "SPEAKER a 1 0 1 <NA> <NA> ann\nSPEAKER a 1 1\n", ":2: has 4 fields"),
        (read_labels, "a.txt", "0\t1\tsad\n1\t2\n", ":2: has 2 fields"),
        (
            read_captions,
            "a.srt",
            "1\n00:00:00,000 --> 00:00:01,000\nwell\n\n2\n00:00:01 --> x\nno\n",
            ":6: is no caption",
        ),
    ],
)
def test_strictness(tmp_path, warned, read, name, text, said):
    (tmp_path / name).write_text(text)
    assert len(read(tmp_path / name)) == 1
    assert len(warned()) == 1 and f"{name}{said}" in warned()[0]
    with pytest.raises(InputError, match=re.escape(f"{name}{said}")):
        read(tmp_path / name, strict=True)
    assert len(warned()) == 1
    if read is not read_captions and read is not read_speaker_rttm:
        with pytest.raises(UsageError, match=re.escape(f"emotion override {tmp_path / name}{said}")):
            parse_override(str(tmp_path / name), EMOTIONS, strict=True)


def test_a_file_of_bad_lines_does_not_flood(tmp_path, warned):
    (tmp_path / "a.txt").write_text("0\t1\tsad\n" + "nonsense\n" * (NAMED + 7))
    assert len(read_labels(tmp_path / "a.txt")) == 1
    assert len(warned()) == NAMED + 1
    assert warned()[-1] == f"{tmp_path}/a.txt: 7 more like these: left out"


def table() -> EmotionTimeline:
    posteriors = [[0.6, 0.25, 0.15], [0.00002, 0.99998, 0.0], [0.1, 0.2, 0.7]]
    return EmotionTimeline(("happy", "neutral", "sad"), posteriors, [0.5, 0.0, 1.0], [0, 1, 2], 0.06, [1, 0.25, 1])


@pytest.mark.parametrize(
    ("separator", "decimal", "encoding"),
    [(";", ",", "utf-8"), (";", ".", "utf-8-sig"), ("\t", ",", "utf-16"), ("\t", ".", "utf-8"), (";", ",", "cp1252")],
)
def test_emotion_csv_of_spreadsheets(tmp_path, separator, decimal, encoding):
    path = tmp_path / "a.emotion.csv"
    write_emotion_csv(path, table(), ["Zoé", "", "Zoé"])
    text = (
        path.read_text().replace(",", separator).replace(".", decimal).replace(f"0{decimal}000020", f"2{decimal}0E-05")
    )
    path.write_bytes((text + separator * 9 + "\n").replace("\n", "\r\n").encode(encoding))
    found = read_emotion_csv(path)
    assert found.classes == ("happy", "neutral", "sad") and found.labels.tolist() == [0, 1, 2]
    assert found.posteriors.tolist() == table().posteriors.tolist()
    assert found.intensity.tolist() == [0.5, 0, 1] and found.speech.tolist() == [1, 0.25, 1]


def rows_of(path, change, count=100):
    """A table of 100 rows, changed: happy at first, sad from row 50 on."""
    rows = [f"{k},{k * 0.02:.2f},{'happy' if k < 50 else 'sad'},{k / 1000}" for k in range(count)]
    change(rows)
    path.write_text("\n".join(["frame,time,emotion,intensity", *rows]) + "\n")


@pytest.mark.parametrize(
    ("row", "cells", "said"),
    [
        (60, "60,1.20,sad", "has 3 values, the header has 4"),
        (60, "60,1.20,sad,0.3,7", "has 5 values, the header has 4"),
        (60, "", "has 0 values, the header has 4"),
        (60, "60,1.20,sad,much", "intensity 'much' is not a number from 0 to 1"),
        (60, "60,7,sad,0.3", "time is 7, expected 1.2"),
        (60, "6,1.20,sad,0.3", "frame is 6, expected 60"),
        (0, "0,0,happy,-1", "intensity '-1' is not a number from 0 to 1"),
        (99, "99,1.9", "has 2 values, the header has 4"),
    ],
)
def test_a_bad_row_takes_the_values_of_its_neighbour(tmp_path, warned, row, cells, said):
    rows_of(tmp_path / "a.csv", lambda rows: rows.__setitem__(row, cells))
    found = read_emotion_csv(tmp_path / "a.csv")
    wanted = [k / 1000 for k in range(100)]
    wanted[row] = wanted[row - 1] if row else wanted[1]
    assert found.intensity.tolist() == pytest.approx(wanted) and found.labels.tolist() == [0] * 50 + [1] * 50
    assert len(warned()) == 1 and warned()[0].startswith(f"{tmp_path}/a.csv:{row + 2}: {said}")
    with pytest.raises(UsageError, match=re.escape(f"emotion override {tmp_path}/a.csv:{row + 2}: {said}")):
        parse_override(str(tmp_path / "a.csv"), EMOTIONS, strict=True)
    assert parse_override(str(tmp_path / "a.csv"), EMOTIONS).labels.tolist() == [0] * 50 + [1] * 50


def test_empty_rows_and_cells_of_spreadsheets_are_not_there(tmp_path, warned):
    """Line ends that were doubled, empty rows between, separators behind the last cell."""
    rows_of(tmp_path / "a.csv", lambda rows: None, 30)
    text = (tmp_path / "a.csv").read_text()
    wanted = read_emotion_csv(tmp_path / "a.csv")
    lines = text.splitlines()
    for changed in (
        text.replace("\n", "\r\r\n"),
        "\n".join([*lines[:9], "", ",,,", *lines[9:], ",,,,", ""]),
        "\n".join(f"{line},," for line in lines),
        "\n".join([lines[0], *(f"{line}, " for line in lines[1:])]),
    ):
        (tmp_path / "b.csv").write_bytes(changed.encode())
        found = read_emotion_csv(tmp_path / "b.csv", strict=True)
        assert found.labels.tolist() == wanted.labels.tolist() and found.intensity.tolist() == wanted.intensity.tolist()
    (tmp_path / "b.csv").write_text("\n".join([*lines[:9], "", *lines[9:20], "20,0.38,sad,x", *lines[21:]]))
    assert read_emotion_csv(tmp_path / "b.csv").intensity[[18, 19]].tolist() == pytest.approx([0.018, 0.018])
    assert warned()[0].startswith(f"{tmp_path}/b.csv:22: frame is 20, expected 19")
    (tmp_path / "b.csv").write_text(
        "time,emotion\n" + "".join(f"{k * 0.02:.2f},{'' if k == 3 else 'sad'}\n" for k in range(20))
    )
    assert read_emotion_csv(tmp_path / "b.csv").classes == ("sad",)
    assert warned()[1:] == [f"{tmp_path}/b.csv:5: has no emotion: left out"]


def test_bad_rows_beside_each_other(tmp_path, warned):
    """Of several kinds, at the beginning and in the middle; each is named once."""

    def change(rows):
        rows[0], rows[1], rows[40], rows[41] = "0,0,happy,x", "1,0.02", "40,0.80,happy,y", "41,9,happy,0.5"

    rows_of(tmp_path / "a.csv", change)
    found = read_emotion_csv(tmp_path / "a.csv")
    assert found.intensity[[0, 1, 2]].tolist() == pytest.approx([0.002] * 3)
    assert found.intensity[[39, 40, 41, 42]].tolist() == pytest.approx([0.039] * 3 + [0.042])
    assert sorted(int(text.split(":")[1]) for text in warned()) == [2, 3, 42, 43]


@pytest.mark.parametrize(("count", "bad"), [(100, 6), (39, 2), (19, 1), (1000, NAMED + 1)])
def test_a_table_of_which_more_is_bad_is_refused(tmp_path, warned, count, bad):
    rows_of(tmp_path / "a.csv", lambda rows: rows.__setitem__(slice(3, 3 + bad), ["x"] * bad), count)
    with pytest.raises(InputError, match=r"a\.csv:5: has 1 values"):
        read_emotion_csv(tmp_path / "a.csv")
    rows_of(tmp_path / "b.csv", lambda rows: rows.pop(7), count)  # a row that is missing shifts all others
    with pytest.raises(InputError, match=r"b\.csv:9: frame is 8, expected 7"):
        read_emotion_csv(tmp_path / "b.csv")
    assert warned() == []
    if bad > 1:
        rows_of(tmp_path / "c.csv", lambda rows: rows.__setitem__(slice(3, 2 + bad), ["x"] * (bad - 1)), count)
        assert read_emotion_csv(tmp_path / "c.csv").intensity[:3].tolist() == pytest.approx([0, 0.001, 0.002])
        assert len(warned()) == bad - 1


RTTM = "SPEAKER a 1 0 1 <NA> <NA> sad\nSPEAKER a 1 1 x <NA> <NA> sad\n"
SRT = "1\n00:00:00,000 --> 00:00:01,000\nwell\n\n2\n00:00:01,000 --> 00:00:02,000\nso\n"


@pytest.mark.parametrize(
    "spelled",
    [
        lambda text: text.encode("utf-16-le"),
        lambda text: text.encode("utf-16-be"),
        lambda text: text.encode("utf-16"),
        lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
        lambda text: text.replace("\n", "\r\r\n").encode(),
        lambda text: text.replace("\n", "\r").encode(),
    ],
)
def test_encodings_and_line_ends_of_other_programs(tmp_path, warned, spelled):
    """UTF-16 without its mark, line ends that were doubled, or of old machines; lines keep their numbers."""
    (tmp_path / "a.rttm").write_bytes(spelled(RTTM))
    assert read_rttm(tmp_path / "a.rttm") == {"a": [Segment(0, 1, "sad")]}
    assert warned() == [f"{tmp_path}/a.rttm:2: duration 'x' is not a number >= 0: left out"]
    (tmp_path / "a.srt").write_bytes(spelled(SRT))
    assert [caption.text for caption in read_captions(tmp_path / "a.srt", strict=True)] == ["well", "so"]


def test_probabilities_of_a_table_by_hand(tmp_path):
    """Sums of up to a hundredth more or less are made 1, without a column of confidence too; 256 emotions may be."""
    path = tmp_path / "a.csv"
    path.write_text("time,emotion,p_fear,p_sad\n0,sad,0.201,0.804\n0.02,fear,0.74625,0.24875\n")
    found = read_emotion_csv(path, strict=True)
    assert found.posteriors.ravel().tolist() == pytest.approx([0.2, 0.8, 0.75, 0.25]) and found.labels.tolist() == [
        1,
        0,
    ]
    for columns, row, said in (
        (",p_fear,p_sad", "0,sad,0.5,0.52", "probabilities sum to 1.020, expected 1 (edit `emotion`, or keep the sum)"),
        (",p_fear,p_sad", "0,glad,0.5,0.5", "emotion 'glad' has no column; the columns are p_fear, p_sad"),
        ("", "0.02,sad", "time is 0.02, expected 0 (rows are 20 ms apart, from 0, none left out)"),
        ("", "-1,sad", "time '-1' is not a number >= 0"),
    ):
        path.write_text(f"time,emotion{columns}\n{row}\n")
        with pytest.raises(InputError) as error:
            read_emotion_csv(path)
        assert str(error.value) == f"{path}:2: {said}"
    rows = [f"{k * 0.02:.2f},sad,{0.75 if k < 5 else 0.6 if k == 30 else 0.25},0.75,0.25" for k in range(40)]
    path.write_text("\n".join(["time,emotion,confidence,p_fear,p_sad", *rows]))
    found = read_emotion_csv(path)  # only the first five rows have another class's probability
    assert found.posteriors[[0, 20, 30]].ravel().tolist() == pytest.approx([0, 1, 0.75, 0.25, 0.75, 0.25])
    path.write_text("time,emotion,confidence,p_sad\n0,sad,x,1\n")
    with pytest.raises(InputError, match=re.escape(f"{path}:2: confidence 'x' is not a number from 0 to 1")):
        read_emotion_csv(path)
    rows = [f"{k * 0.02:.2f},e{k}" for k in range(257)]
    path.write_text("\n".join(["time,emotion", *rows[:256]]))
    assert len(read_emotion_csv(path).classes) == 256
    path.write_text("\n".join(["time,emotion", *rows]))
    with pytest.raises(InputError, match="has 257 emotions, at most 256 are allowed"):
        read_emotion_csv(path)


def test_empty_and_damaged_files_say_so(tmp_path):
    for name, read, data, said in (
        ("a.TextGrid", read_textgrid, b"", ":1: is not a TextGrid in text format; expected"),
        ("a.csv", read_emotion_csv, b"time,emotion,intensity\0\n0,sad,0.5\n", ":1: not a CSV line (it holds a NUL"),
        ("a.csv", read_emotion_csv, b"time,emotion\n0," + b"x" * 200_000, ":2: not a CSV line (field larger than"),
        ("a.rttm", read_rttm, b"\0a\0b", ":1: not an RTTM line"),
        ("a.rttm", read_rttm, b"a\0b", ":1: not an RTTM line"),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=re.escape(f"{tmp_path}/{name}{said}")):
            read(tmp_path / name)
    (tmp_path / "a.txt").write_text("0\t1\tsad\t\t \n")  # a spreadsheet's empty cells
    assert read_labels(tmp_path / "a.txt", strict=True) == [Segment(0, 1, "sad")]


def test_a_comma_is_no_point_where_it_separates(tmp_path):
    (tmp_path / "a.csv").write_text('time,emotion,intensity\n0,sad,"0,5"\n')
    with pytest.raises(InputError, match=r":2: intensity '0,5' is not a number from 0 to 1"):
        read_emotion_csv(tmp_path / "a.csv")
    (tmp_path / "a.csv").write_text("time;emotion;intensity\n0;sad;1,2,3\n")
    with pytest.raises(InputError, match=r":2: intensity '1,2,3' is not a number from 0 to 1"):
        read_emotion_csv(tmp_path / "a.csv")


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


def test_labels_of_several_words(tmp_path):
    """Words stay apart by one space; tabs and line ends would end the field."""
    from sedtalker_cli.formats.audacity import write_labels

    write_labels(tmp_path / "a.txt", [Segment(0, 1.5, "so\tvery \n sad"), Segment(1.5, 1, "oh my")])
    assert (tmp_path / "a.txt").read_bytes() == b"0.000000\t1.500000\tso very sad\n1.500000\t2.500000\toh my\n"
    assert read_labels(tmp_path / "a.txt", strict=True) == [Segment(0, 1.5, "so very sad"), Segment(1.5, 1, "oh my")]
    for text, said in (
        ("x\t1\tsad\n", "1: onset 'x' is not a number >= 0"),
        ("0\tx\tsad\n", "1: end 'x' is not a number >= 0"),
        ("0\t1 sad\n", "1: has 2 fields, expected onset TAB end TAB label"),
        ("\n0\t1\t \n", "2: has no label; name an emotion or remove the line"),
        ("\n\\\t1\t2\n", " holds no label; is it an Audacity label track?"),
    ):
        (tmp_path / "b.txt").write_text(text)
        with pytest.raises(InputError) as error:
            read_labels(tmp_path / "b.txt")
        assert str(error.value) == f"{tmp_path}/b.txt:{said}"


def test_overlaps_of_a_frame_or_two_are_rounding(tmp_path):
    """Up to 50 ms they go to the later segment."""

    def spans(*lines):
        (tmp_path / "a.txt").write_text("".join(f"{on}\t{end}\t{label}\n" for on, end, label in lines))
        return [(s.start, s.end, s.emotion) for s in parse_override(str(tmp_path / "a.txt"), EMOTIONS)]

    assert spans((0, 0.1, "sad"), (0.05, 1, "happy")) == [(0, 0.05, "sad"), (0.05, 1, "happy")]
    assert spans((3, 4, "fear"), (1, 2.02, "sad"), (2, 3.03, "happy")) == [
        (1, 2, "sad"),
        (2, 3, "happy"),
        (3, 4, "fear"),
    ]
    assert spans((0, 1.05, "sad"), (1, 2, "happy")) == [(0, 1, "sad"), (1, 2, "happy")]
    assert spans((0, 1.06, "sad"), (1, 2, "happy")) == [(0, 1.06, "sad")]
    assert spans((1, 2, "happy"), (1, 1.03, "sad")) == [(1, 1.03, "sad")]


def test_a_comment_behind_a_text_without_its_end(tmp_path, warned):
    """Its quotes do not end the text; a text of several lines may have one that begins like a comment."""
    head = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n2\n<exists>\n1\n"IntervalTier"\n"e"\n0\n2\n2\n'
    comments = '! with "quotes" 5\n ! and ""\n'
    sad, fear = '0\n1\n"sad"\n', '1\n2\n"fear"\n'
    for body, wanted, line in (
        ('0\n1\n"sad\n' + comments + fear, ["fear"], 18),
        (sad + '1\n2\n"fear\n' + comments, ["sad"], 17),
        (sad + '1\n2\n"fear\n! "x"', ["sad"], 17),
        ('0\n1\n"sad\n! really"\n' + fear, ["sad\n! really", "fear"], None),
    ):
        (tmp_path / "a.TextGrid").write_text(head + body)
        assert [s.emotion for s in read_textgrid(tmp_path / "a.TextGrid")["e"]] == wanted
        assert [text.split(":")[1] for text in warned()[-1:]] == ([str(line)] if line else ["17"])
    assert len(warned()) == 3
    next_tier = '"IntervalTier"\n"f"\n0\n2\n1\n0\n2\n"happy"\n'
    for between in ("", comments):
        (tmp_path / "a.TextGrid").write_text(
            head.replace("\n1\n", "\n2\n") + sad + '1\n2\n"fear\n' + between + next_tier
        )
        assert [s.emotion for found in read_textgrid(tmp_path / "a.TextGrid").values() for s in found] == [
            "sad",
            "happy",
        ]


def test_a_textgrid_is_written_as_praat_writes_it(tmp_path):
    tiers = {"emotion": [Segment(0.5, 1, 'so "sad"')], "other": [Segment(0, 2, "x")]}
    write_textgrid(tmp_path / "a.TextGrid", tiers, 2.0)
    head = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = 2\n'
    head += "tiers? <exists>\nsize = 2\nitem []:\n"
    parts = [
        ("emotion", [("0", "0.5", ""), ("0.5", "1.5", 'so ""sad""'), ("1.5", "2", "")]),
        ("other", [("0", "2", "x")]),
    ]
    for number, (name, intervals) in enumerate(parts, start=1):
        head += f'    item [{number}]:\n        class = "IntervalTier"\n        name = "{name}"\n        xmin = 0\n'
        head += f"        xmax = 2\n        intervals: size = {len(intervals)}\n"
        for place, (start, end, text) in enumerate(intervals, start=1):
            head += f"        intervals [{place}]:\n            xmin = {start}\n            xmax = {end}\n"
            head += f'            text = "{text}"\n'
    assert (tmp_path / "a.TextGrid").read_bytes().decode() == head
    overlapping = {"e": [Segment(0, 2, "a"), Segment(0.5, 1, "b"), Segment(2, 1, "c"), Segment(2.5, 9, "d")]}
    write_textgrid(tmp_path / "a.TextGrid", overlapping, 4.0)
    found = read_textgrid(tmp_path / "a.TextGrid", strict=True)
    assert found == {"e": [Segment(0, 2, "a"), Segment(2, 1, "c"), Segment(3, 1, "d")]}


BEGUN = '"ooTextFile"\n"TextGrid"\n'
TIER = BEGUN + '0\n3\n<exists>\n1\n"IntervalTier"\n"e"\n0\n3\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nothing", '1: is not a TextGrid in text format; expected File type = "ooTextFile" and "TextGrid"'),
        ('"ooTextFile"', "1: expected a string (object class), found nothing more"),
        (BEGUN, "2: expected a number (xmin), found nothing more"),
        (BEGUN + "0\n<exists>\n", "4: expected a number (xmax), found flag '<exists>'"),
        (BEGUN + '0\n1\n"x"\n', "5: expected a flag (whether there are tiers), found string 'x'"),
        (BEGUN + "0\n1\n<exists>\n1.5\n", "6: number of tiers '1.5' is not a whole number >= 0"),
        (BEGUN + "0\n1\n<exists>\n1\n", "6: expected a string (class of a tier), found nothing more"),
        (BEGUN + '0\n1\n<exists>\n1\n"IntervalTier"\n', "7: expected a string (name of a tier), found nothing more"),
        (TIER[:-4], "8: expected a number (xmin), found nothing more"),
        (TIER[:-2], "9: expected a number (xmax), found nothing more"),
        (TIER, "10: expected a number (number of intervals or points), found nothing more"),
    ],
)
def test_a_textgrid_that_ends_early_or_goes_wrong_says_where(tmp_path, text, said):
    (tmp_path / "a.TextGrid").write_text(text)
    with pytest.raises(InputError) as error:
        read_textgrid(tmp_path / "a.TextGrid")
    assert str(error.value) == f"{tmp_path}/a.TextGrid:{said}"


def test_intervals_that_overlap_and_tiers_without_any(tmp_path, warned):
    path = tmp_path / "a.TextGrid"
    path.write_text(BEGUN + "0\n1\n<absent>\n")
    assert read_textgrid(path) == {}
    path.write_text(TIER + '2\n0\n5\n"a"\n1\n6\n"b"\n')  # what goes beyond the tier is the wrong one
    assert read_textgrid(path) == {"e": [Segment(1, 5, "b")]}
    path.write_text(TIER + '2\n0\n3\n"a"\n1\n2\n"b"\n')
    assert read_textgrid(path) == {"e": [Segment(0, 3, "a")]}
    path.write_text(TIER + '2\n<exists>\n1\n"a"\n1\n2\n"b"\n')
    assert read_textgrid(path) == {"e": [Segment(1, 1, "b")]}
    points = '"TextTier"\n"p"\n0\n3\n1\n-1\n"x"\n'
    path.write_text(TIER.replace("1\n", "2\n", 1) + '1\n0\n3\n"a"\n' + points)
    assert read_textgrid(path) == {"e": [Segment(0, 3, "a")]}
    assert [text.split("a.TextGrid:")[1] for text in warned()] == [
        "12: interval ends at 5 s, after its tier (3 s): left out",
        "15: interval starts at 1 s, before the last one ends: left out",
        "12: expected a number (xmin), found flag '<exists>': left out",
        "20: time '-1' is not a number >= 0: left out",
    ]


def test_overrides_by_textgrids_are_strict_if_asked(tmp_path):
    path = tmp_path / "a.TextGrid"
    path.write_text(LONG.replace("xmin = 2\n", "xmin = -2\n"))
    assert [span.emotion for span in parse_override(str(path), EMOTIONS)] == ["happy", "fear"]
    with pytest.raises(UsageError, match=r"emotion override .*a\.TextGrid:\d+: xmin '-2' is not a number >= 0"):
        parse_override(str(path), EMOTIONS, strict=True)


def test_overrides_of_files_are_found_by_recording_and_checked_by_name(tmp_path):
    path = tmp_path / "a.rttm"
    path.write_text("SPEAKER a_b 1 0 1 <NA> <NA> sad 1 <NA>\nSPEAKER c 1 0 2 <NA> <NA> neutral 1 <NA>\n")
    sad, calm = [Span(0, 1, "sad", 1.0)], [Span(0, 2, "neutral", 0.0)]
    for uri, wanted in (("a b", sad), ("a_b", sad), ("c", calm), (None, sad)):
        assert parse_override(str(path), EMOTIONS, uri) == wanted
    lines = path.read_text().splitlines()
    wrong = f"emotion override {path}"
    valid = f"; valid emotions: {', '.join(EMOTIONS)}"
    for text, uri, said in (
        (path.read_text(), "d", ": holds 2 recordings, none called 'd'; rename one or keep only one"),
        (
            lines[0].replace("sad", "mad") + "\n" + lines[1].replace("neutral", "glad"),
            "c",
            ":1: unknown emotion 'mad'" + valid,
        ),
    ):
        path.write_text(text)
        with pytest.raises(UsageError) as error:
            parse_override(str(path), EMOTIONS, uri)
        assert str(error.value) == wrong + said
    path.write_text(lines[1])
    assert parse_override(str(path), EMOTIONS, "another name") == calm  # a file about one recording is about this one
    (tmp_path / "b.csv").write_text("time,emotion\n0,glad\n")
    with pytest.raises(
        UsageError, match=re.escape(f"emotion override {tmp_path}/b.csv:2: unknown emotion 'glad'{valid}")
    ):
        parse_override(str(tmp_path / "b.csv"), EMOTIONS)
    assert parse_override("sad:0.5", EMOTIONS) == [Span(0, math.inf, "sad", 0.5)]
    with pytest.raises(UsageError, match="valid emotions: angry"):
        parse_override("glad", EMOTIONS)
