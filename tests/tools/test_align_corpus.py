"""The pure parts of the tool that writes phone times of corpora: symbols, gaps, hand labels, plausibility."""

import itertools

import numpy as np
import pytest

from sedtalker_cli.data.coarticulation.visemes import UNITS, unit_shares
from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.phones import Phone
from tools.align_corpus import ARPABET, LABLAUT, implausible, phones_of_frames, read_lablaut

HEADER = "signal name\ntype 0\nseparator ;\nnfields 1\n#\n"


def test_phones_are_known_and_reach_every_unit():
    symbols = [*ARPABET.values(), "ə"]
    assert {unit for symbol in symbols for part in unit_shares(symbol) for unit in part} == set(UNITS)
    for symbol in LABLAUT.values():
        unit_shares(symbol)


def test_short_gaps_become_closure_or_the_phone_before():
    pieces = [
        ("SIL", 0, 50),
        ("AH", 50, 5),
        ("SIL", 55, 4),
        ("T", 59, 6),
        ("UW", 65, 20),
        ("SIL", 85, 4),
        ("S", 89, 11),
    ]
    phones = phones_of_frames([*pieces, ("SIL", 100, 50)], 1.5)
    assert [p.symbol for p in phones] == ["sil", "ə", "t", "u", "s", "sil"]
    assert all(a.offset == b.onset for a, b in itertools.pairwise(phones))
    assert phones[2].onset == pytest.approx(0.55, abs=0.02) and phones[3].offset == pytest.approx(0.89, abs=0.02)
    assert phones[0].onset == 0 and phones[-1].offset == 1.5


def test_hand_labels(tmp_path):
    rows = ["0.10 -1 _t", "0.14 -1 !t\t+asp", "0.15 -1 tasp", "0.17 -1 i6", "0.27 -1 \t-hoe", "0.30 -1 m\t+sil"]
    rows += ["0.40 -1 (", "0.60 -1 aI\t+lar\t3", "0.80 -1 ."]
    path = tmp_path / "a.lablaut"
    path.write_text(HEADER + "\n".join(rows), encoding="latin-1")
    assert read_lablaut(path, 1.0) == [
        Phone("sil", 0.0, 0.1),
        Phone("t", 0.1, 0.17, 0.14),
        Phone("iɐ", 0.17, 0.3),
        Phone("m", 0.3, 0.4),
        Phone("sil", 0.4, 0.6),
        Phone("aɪ", 0.6, 0.8),
        Phone("sil", 0.8, 1.0),
    ]


@pytest.mark.parametrize(("rows", "message"), [("", "no labels"), ("0.1 -1 %", "not known")])
def test_bad_hand_labels_are_named(tmp_path, rows, message):
    path = tmp_path / "a.lablaut"
    path.write_text(HEADER + rows, encoding="latin-1")
    with pytest.raises(InputError, match=message):
        read_lablaut(path, 1.0)


def test_phones_must_fit_the_sound():
    waveform = np.zeros(32000, np.float32)
    waveform[8000:24000] = 0.1
    right = [Phone("sil", 0, 0.5), Phone("a", 0.5, 1.5), Phone("sil", 1.5, 2)]
    assert implausible(right, waveform) is None
    assert implausible([Phone("a", 0, 1), Phone("sil", 1, 2)], waveform) == "sound in silence"
    assert implausible([Phone("a", 0, 2)], waveform) == "silence in speech"
    series = [Phone("a", 0.5 + k * 0.03, 0.53 + k * 0.03) for k in range(5)]
    assert implausible(series, waveform) == "squeezed phones"
