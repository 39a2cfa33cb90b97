"""RTTM of who speaks, as pyannote and NeMo write it and as people edit it."""

import logging

import pytest

from sedtalker_cli.emotion.speakers import SpeakerTurn
from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.speaker_rttm import read_speaker_rttm, turns_of


def write(path, *lines: str):
    path.write_text("\n".join(lines) + "\n")
    return path


def test_turns_come_back_in_order_of_time(tmp_path):
    path = write(
        tmp_path / "who.rttm",
        ";; made by hand",
        "# and so",
        "SPKR-INFO talk 1 <NA> <NA> <NA> unknown SPEAKER_00 <NA> <NA>",
        "SPEAKER talk 1 7.250 1.5 <NA> <NA> SPEAKER_01 <NA> <NA>",
        "SPEAKER talk 1   0.320   2.655 <NA> <NA> SPEAKER_00 <NA> <NA>",  # NeMo pads its columns
        "",
        "SPEAKER other <NA> 1 1 <NA> <NA> anna",  # the end of the line left out
        "SPEAKER talk 1 2.000 0.000 <NA> <NA> SPEAKER_01 <NA> <NA>",  # no length
        "SPEAKER talk 1 2.5 3 <NA> <NA> SPEAKER_01 0.93 0.1",
    )
    found = read_speaker_rttm(path, strict=True)
    assert list(found) == ["talk", "other"]
    assert found["talk"] == [
        SpeakerTurn(0.32, 2.655, "SPEAKER_00"),
        SpeakerTurn(2.5, 3.0, "SPEAKER_01"),
        SpeakerTurn(7.25, 1.5, "SPEAKER_01"),
    ]
    assert found["other"] == [SpeakerTurn(1.0, 1.0, "anna")]


def test_turns_without_time_or_speaker_are_left_out_and_counted(tmp_path, caplog):
    path = write(
        tmp_path / "who.rttm",
        "SPEAKER talk 1 <NA> <NA> <NA> <NA> anna <NA> <NA>",
        "SPEAKER talk 1 0 1 <NA> <NA> <NA> <NA> <NA>",
        "SPEAKER talk 1 0 1 <NA> <NA> ben <NA> <NA>",
    )
    with caplog.at_level(logging.WARNING, "sedtalker"):
        assert read_speaker_rttm(path) == {"talk": [SpeakerTurn(0.0, 1.0, "ben")]}
    assert caplog.text.count("turn without time or speaker: left out") == 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("hello", r"who\.rttm:1: not an RTTM line; expected SPEAKER uri channel onset duration \.\.\.$"),
        ("SPEAKER talk 1 0 1 <NA> <NA>", r"who\.rttm:1: has 7 fields; the speaker is field 8$"),
        ("SPEAKER talk 1 zero 1 <NA> <NA> anna", r":1: onset 'zero' is"),
        ("SPEAKER talk 1 <NA> 1 <NA> <NA> anna", ":1: turn without time or speaker$"),
        ("SPEAKER talk 1 0 <NA> <NA> <NA> anna", ":1: turn without time or speaker$"),
        ("SPEAKER talk 1 0 -1 <NA> <NA> anna", r":1: duration '-1' is"),
        ("SPEAKER talk 1 0 nan <NA> <NA> anna", r"duration 'nan'"),
        ("SPEAKER talk 1 0 0 <NA> <NA> anna", "holds no turn"),
        ("; nothing", r"who\.rttm: holds no turn of a speaker; is it an RTTM file of who speaks\?$"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path, line, message):
    with pytest.raises(InputError, match=message):
        read_speaker_rttm(write(tmp_path / "who.rttm", line))


def test_turns_belong_to_a_recording_by_its_name(tmp_path):
    anna, ben = [SpeakerTurn(0, 1, "anna")], [SpeakerTurn(0, 1, "ben")]
    assert turns_of("who.rttm", {"other": anna}, "talk") == anna  # a file about one recording is about this one
    assert turns_of("who.rttm", {"other": anna, "my_talk": ben}, "my talk") == ben  # RTTM knows no white space
    for names, known in (("ab", "a, b"), ("abcde", "a, b, c, d, e"), ("abcdef", "a, b, c, d, e, ...")):
        with pytest.raises(InputError) as error:
            turns_of("who.rttm", dict.fromkeys(names, anna), "talk")
        assert str(error.value) == f"who.rttm: says nothing of talk; it knows {known}"
