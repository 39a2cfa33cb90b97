"""Mouth motion from phone times: closures, openings, rest, rounding, smoothness; phone tables; generated examples."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sedtalker_cli.data.coarticulation.dominance import CHANNELS, load_table, mouth_curves
from sedtalker_cli.data.coarticulation.generated import phone_loudness, read_generated
from sedtalker_cli.data.coarticulation.visemes import INHERIT, UNITS, unit_shares
from sedtalker_cli.errors import InputError
from sedtalker_cli.face.arkit import ARKIT_INDEX, ARKIT_NAMES, MOUTH
from sedtalker_cli.face.head import load_head
from sedtalker_cli.face.regions import CLOSED, lip_gap, lip_width
from sedtalker_cli.formats.phones import Phone, read_phones, write_phones
from tests.conftest import tone, write_sound


@pytest.fixture(scope="module")
def head():
    return load_head()


def spoken(text: str, length: float = 0.09, start: float = 1.0) -> list[Phone]:
    """Phones separated by spaces, equally long, after `start` s and before 1 s of silence."""
    symbols = text.split()
    inner = [Phone(s, start + k * length, start + (k + 1) * length) for k, s in enumerate(symbols)]
    return [Phone("sil", 0.0, start), *inner, Phone("sil", inner[-1].offset, inner[-1].offset + 1.0)]


def pose(phones: list[Phone], head, fps: float = 100.0, **options) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients, lip gap and width of a sentence."""
    weights = mouth_curves(phones, fps, round(phones[-1].offset * fps), head, **options)
    vertices = head.vertices(weights)
    return weights, lip_gap(vertices, head), lip_width(vertices, head)


def inside(phone: Phone, fps: float = 100.0) -> slice:
    return slice(round(phone.onset * fps), round(phone.offset * fps) + 1)


@pytest.mark.parametrize("fps", [25.0, 30.0, 60.0])
@pytest.mark.parametrize("length", [0.05, 0.09, 0.15])
def test_lips_close_on_every_bilabial(head, fps, length):
    phones = spoken("b ɑ p a m ɛ b aʊ b ʌ m ɔ p ɪ m ɑ p", length, 1.013)
    for gain in (0.7, 1.3):
        _, gap, _ = pose(phones, head, fps, gain=gain)
        for phone in phones:
            if phone.symbol in ("b", "p", "m"):
                near = slice(int(phone.onset * fps), int(np.ceil(phone.offset * fps)) + 1)
                assert gap[near].min() < CLOSED, (phone, gain)


def test_lips_part_at_the_burst(head):
    held = Phone("p", 1.1, 1.3, release=1.25)
    aspirated = Phone("p", 1.1, 1.3, release=1.16)
    frame = 122
    gaps = {}
    for stop in (held, aspirated):
        phones = [Phone("sil", 0, 1), Phone("ɑ", 1, 1.1), stop, Phone("ɑ", 1.3, 1.5), Phone("sil", 1.5, 2)]
        gaps[stop.release] = pose(phones, head)[1][frame]
    assert gaps[1.25] < CLOSED < gaps[1.16] - 0.02


def test_open_vowels_open_more_than_close_ones(head):
    phones = spoken("t ɑ t i t a s", 0.14)
    weights, gap, _ = pose(phones, head)
    jaw = weights[:, ARKIT_INDEX["jawOpen"]]
    low, high, other = (inside(phones[k]) for k in (2, 4, 6))
    for vowel in (low, other):
        assert jaw[vowel].max() > 0.2
        assert gap[vowel].max() > 0.08
    assert jaw[low].max() > jaw[high].max() + 0.05


def test_labiodentals_narrow_the_opening(head):
    phones = spoken("ɑ f ɑ t ɑ", 0.12)
    _, gap, _ = pose(phones, head)
    assert gap[inside(phones[2])].min() < 0.5 * gap[inside(phones[1])].max()
    assert gap[inside(phones[2])].min() < gap[inside(phones[4])].min()


def test_rounded_sounds_narrow_the_mouth(head):
    phones = spoken("s i s u s ɛ w ɛ s o s i s", 0.13)
    weights, _, width = pose(phones, head)
    pucker = weights[:, ARKIT_INDEX["mouthPucker"]]
    spread = width[inside(phones[2])].mean()
    for rounded in (phones[4], phones[7], phones[10]):
        assert width[inside(rounded)].min() < spread - 0.015, rounded
        assert pucker[inside(rounded)].max() > pucker[inside(phones[2])].max() + 0.1, rounded


def test_silence_rests(head):
    phones = spoken("b aɪ n aʊ")
    weights, gap, _ = pose(phones, head)
    before, after = slice(0, 40), slice(round(phones[-2].offset * 100) + 60, None)
    for part in (before, after):
        assert np.abs(weights[part]).max() < 0.02
    assert gap[-1] == pytest.approx(gap[0], abs=2e-3)


def test_silence_alone_rests(head):
    for phones in ([Phone("sil", 0.0, 1.0)], []):
        assert mouth_curves(phones, 30.0, 30, head).max() == 0


def test_curves_are_smooth_and_within_range(head):
    phones = spoken("ð ə k w ɪ k b ɹ aʊ n f ɑ k s dʒ ʌ m p s oʊ v ɚ", 0.08)
    fine, _, _ = pose(phones, head, 200.0)
    assert fine.shape[1] == 52
    assert fine.min() >= 0
    assert fine.max() <= 1
    others = [i for i, name in enumerate(ARKIT_NAMES) if name not in MOUTH]
    assert not fine[:, others].any()
    jaw = fine[:, ARKIT_INDEX["jawOpen"]]
    assert jaw.std() > 0.02
    assert np.abs(np.diff(jaw)).max() < 0.05  # 5 ms apart
    coarse = np.abs(np.diff(fine, axis=0)).max()
    assert coarse < 0.15


def test_frame_rate_does_not_matter(head):
    phones = spoken("p l eɪ s w aɪ t b aɪ m")
    fast, _, _ = pose(phones, head, 100.0)
    slow, _, _ = pose(phones, head, 25.0)
    np.testing.assert_allclose(slow, fast[::4][: len(slow)], atol=2e-3)


def test_neighbours_shape_a_consonant(head):
    """Anticipation: s before u is rounder than s before i."""
    pucker = ARKIT_INDEX["mouthPucker"]
    rounded, spread = (spoken(f"t {v} s {v} t") for v in "ui")
    a, b = (pose(p, head)[0][inside(p[3]), pucker].mean() for p in (rounded, spread))
    assert a > b + 0.05


def test_gain_and_loudness_scale_the_opening(head):
    phones = spoken("s ɑ d ɛ s", 0.12)
    small, usual, large = (pose(phones, head, gain=g)[1].max() for g in (0.7, 1.0, 1.3))
    assert small < usual < large
    table = replace(load_table(), effort=torch.full((4,), 0.2))
    loud = pose(phones, head, loudness=np.full(len(phones), 8.0), table=table)[1].max()
    soft = pose(phones, head, loudness=np.full(len(phones), -8.0), table=table)[1].max()
    assert soft < usual < loud


def test_phones_of_many_languages_are_known():
    table = "ɨ ɕ ʑ ʂ ʐ tɕ dʑ tʂ ts dz ɲ ɥ ɤ y ʏ ø œ ç x ʁ β ɾ ɚ ɝ ŋ ʒ ɒ iː pʰ t͡ʃ ẽ pf aɪ ʔ h tʂʰ ʁ̥ a̯ ai"
    for symbol in table.split():
        for shares in unit_shares(symbol):
            assert sum(shares.values()) == pytest.approx(1)
            assert set(shares) <= set(UNITS)
    assert unit_shares("h") == []
    assert unit_shares("ç") == [INHERIT["ç"]]
    with pytest.raises(InputError, match="'7'"):
        unit_shares("7")


def test_table_closes_bilabials_and_rests():
    table = load_table()
    gap = table.targets[:, CHANNELS.index("gap")]
    assert not table.targets[UNITS.index("sil")].any()
    for unit in "pbm":
        assert gap[UNITS.index(unit)] < 0.02 < gap[UNITS.index("ɑ")]


def test_phone_table_comes_back(tmp_path):
    phones = [Phone("sil", 0.0, 0.25), Phone("p", 0.25, 0.3, 0.28, 0), Phone("aɪ", 0.3, 0.5, None, 1)]
    write_phones(tmp_path / "a.csv", phones)
    assert read_phones(tmp_path / "a.csv") == phones
    assert (tmp_path / "a.csv").read_text(encoding="utf-8").startswith("phone,onset,offset,release,stress\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("phone,onset\na,0\n", "offset"),
        ("phone,onset,offset\n", "no phones"),
        ("phone,onset,offset\na,0,x\n", ":2: offset 'x'"),
        ("phone,onset,offset\na,0.2,0.1\n", ":2:"),
        ("phone,onset,offset\na,0,0.2\nb,0.1,0.3\n", ":3:"),
        ("phone,onset,offset\na,nan,0.2\n", ":2: onset 'nan'"),
        ("phone,onset,offset,stress\na,0,0.2,x\n", "stress"),
    ],
)
def test_bad_phone_tables_are_named(tmp_path, text, message):
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message) as error:
        read_phones(path)
    assert str(path) in str(error.value)


def test_examples_from_a_folder(tmp_path, head):
    phones = spoken("b aɪ n aʊ", 0.1, 0.5)
    for name in ("one", "two"):
        write_sound(tmp_path / f"{name}.wav", 1.9)
        write_phones(tmp_path / f"{name}.csv", phones)
    (tmp_path / "lonely.csv").write_text("no sound beside it", encoding="utf-8")
    first, second = read_generated(tmp_path, head, seed=3)
    assert first.waveform.shape == (30400,)
    assert first.mouth.shape == (95, 52)
    assert first.fps == 50
    assert first.style == "rules"
    assert [ARKIT_NAMES[i] for i in np.flatnonzero(first.known)] == list(MOUTH)
    assert np.abs(first.mouth - second.mouth).max() > 0.01  # another size of movements
    again = next(read_generated(tmp_path, head, seed=3))
    np.testing.assert_array_equal(first.mouth, again.mouth)
    with pytest.raises(InputError, match="no recordings"):
        next(read_generated(tmp_path / "nowhere", head))


def test_loudness_of_phones():
    waveform = np.concatenate([np.zeros(8000), tone(0.5), 0.1 * tone(0.5), tone(0.5)]).astype(np.float32)
    phones = [Phone("sil", 0, 0.5), Phone("a", 0.5, 1.0), Phone("i", 1.0, 1.5), Phone("a", 1.5, 2.0)]
    found = phone_loudness(phones, waveform)
    assert found[0] == 0
    assert found[2] < found[1] - 15
    assert not phone_loudness(phones[:1], waveform).any()
