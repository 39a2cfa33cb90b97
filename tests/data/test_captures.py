"""Captured motion: small folders in the layout of each source; the lips of the bundled head as wide open as tracked."""

import os
from pathlib import Path

import numpy as np
import pytest

from sedtalker_cli.data.capture_sources import (
    FACEGOOD_SCALE,
    JAW_SCALE,
    READERS,
    parse_capture,
    read_facegood,
    read_grid,
    read_voices,
)
from sedtalker_cli.data.captures import CLOSED_GAP, NARROWING, UNSEEN, close_lips, match_width, on_head
from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.face.arkit import ARKIT_INDEX, ARKIT_NAMES, MOUTH
from sedtalker_cli.face.head import load_head
from sedtalker_cli.face.regions import CLOSED, lip_gap, lip_opening, lip_width
from tests.data.grid import write_grid
from tests.data.voices import write_voice

GRID = (
    Path(os.environ.get("SEDTALKER_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")) / "motion/grid_s1"
)


@pytest.fixture(scope="module")
def head():
    return load_head()


def write_facegood(folder: Path, name: str, weights: dict[str, np.ndarray], fps: float = 30.0):
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(
        folder / f"{name}.npz",
        weights=np.stack(list(weights.values()), 1).astype(np.float32),
        names=np.array(list(weights)),
        fps=fps,
    )
    return folder


# --- GRID


def test_grid_clip(tmp_path):
    jaw = np.where(np.arange(50) // 10 == 2, 0.5, 0.1)  # frames 20 to 29 of 50 at 25 fps: 0.8 to 1.2 s
    write_grid(tmp_path, jawOpen=jaw, mouthFunnel=0.1 * jaw, mouthSmileLeft=0.7, browDownLeft=0.9, gap=0.05, width=0.6)
    write_grid(tmp_path, "swab7s", "test", frames=25)
    first, second = read_grid(tmp_path)
    assert (first.name, first.source, first.split, first.fps) == ("bbaf2n", "grid", "train", 25.0)
    assert (second.name, second.split, len(second.weights)) == ("swab7s", "test", 25)
    assert first.audio == tmp_path / "bbaf2n.ogg"
    assert first.words[1] == ("bin", 0.6, 0.9) and len(first.words) == 4
    assert first.weights.shape == (50, 52)
    # What the tracker reads in silence is taken off; the jaw is scaled to the head.
    opened = np.zeros(50)
    opened[20:30] = 0.4
    np.testing.assert_allclose(first.weights[:, ARKIT_INDEX["mouthFunnel"]], 0.8 * opened, atol=1e-3)
    np.testing.assert_allclose(first.weights[:, ARKIT_INDEX["jawOpen"]], JAW_SCALE * opened, atol=1e-3)
    # Smiles are not measured while speaking, and only the mouth is read.
    assert np.delete(first.weights, [ARKIT_INDEX["mouthFunnel"], ARKIT_INDEX["jawOpen"]], axis=1).max() < 1e-3
    np.testing.assert_allclose(first.gap, 0.05, atol=1e-3)
    np.testing.assert_allclose(first.width, 0.6, atol=1e-3)
    assert first.rest_width == pytest.approx(0.6, abs=1e-3)
    assert {name for name, known in zip(ARKIT_NAMES, first.channels, strict=True) if known} == set(MOUTH)


def test_rest_is_measured_away_from_speech(tmp_path):
    """Frames within 0.1 s of a word do not count as silence; the beginning and a clip without silence do."""
    time = np.arange(50) / 25
    jaw = np.select([time < 0.5, time < 0.6, time < 1.5], [0.2, 0.9, 0.9], 0.2)
    write_grid(tmp_path, jawOpen=jaw)
    write_grid(tmp_path, "lrae3s", jawOpen=jaw, words="bin@0.000-2.000")
    first, second = (c.weights[:, ARKIT_INDEX["jawOpen"]] / JAW_SCALE for c in read_grid(tmp_path))
    np.testing.assert_allclose(first, np.where(time < 0.5, 0, np.where(time < 1.5, 0.7, 0)), atol=2e-3)
    np.testing.assert_allclose(second, np.clip(jaw - jaw.mean(), 0, 1), atol=2e-3)


@pytest.mark.parametrize("missing", ["channels.txt", "landmarks.txt", "manifest.csv", None])
def test_folder_that_is_not_grid(tmp_path, missing):
    folder = tmp_path / "grid"
    if missing:
        write_grid(folder)
        (folder / missing).unlink()
    with pytest.raises(InputError) as error:
        read_grid(folder)
    assert str(folder) in str(error.value) and "\n" not in str(error.value)


# --- voices of many speakers


def test_voices_are_read_for_choosing_alone(tmp_path):
    gap = np.where(np.arange(40) // 10 == 2, 0.2, 0.05)
    first, second = read_voices(
        write_voice(write_voice(tmp_path / "v", "a", "ann", gap), "b", "bob", gap[:30], "web", 30)
    )
    assert (first.source, first.split, first.speaker, first.kind, first.fps) == ("v", UNSEEN, "ann", "studio", 25.0)
    assert (second.speaker, second.kind, second.fps, len(second.weights)) == ("bob", "web", 30.0, 30)
    assert first.audio == tmp_path / "v/a.ogg" and first.words == () and first.seen.all()
    np.testing.assert_allclose(first.gap, gap, atol=1e-3)
    np.testing.assert_allclose(first.weights[:, ARKIT_INDEX["jawOpen"]], JAW_SCALE * 3 * (gap - 0.05), atol=2e-3)


def test_frames_without_a_face_are_filled_in_and_told(tmp_path):
    gap = np.linspace(0, 0.2, 21)
    (clip,) = read_voices(write_voice(tmp_path, "a", "ann", gap, unseen=(4, 5, 6, 20)))
    assert np.flatnonzero(~clip.seen).tolist() == [4, 5, 6, 20]
    np.testing.assert_allclose(clip.gap[:20], gap[:20], atol=1e-3)
    assert clip.gap[20] == clip.gap[19] and np.isfinite(clip.weights).all()
    with pytest.raises(InputError, match="no face"):
        read_voices(write_voice(tmp_path / "none", "a", "ann", gap, unseen=range(21)))


def test_folder_that_is_not_of_voices(tmp_path):
    with pytest.raises(InputError, match="not a folder of tracked voices"):
        read_voices(tmp_path)
    write_voice(tmp_path, "a", "ann", np.zeros(9))
    (tmp_path / "a.npz").write_bytes(b"not an archive")
    with pytest.raises(InputError, match=r"a\.npz"):
        read_voices(tmp_path)


# --- FACEGOOD


def test_facegood_take(tmp_path):
    frames = 12
    ramp = np.linspace(0, 1, frames)
    weights = {
        "mouth_stretch_c": ramp,
        "mouth_funnel_ul": 0.2 * ramp,
        "mouth_funnel_dr": 0.4 * ramp,
        "mouth_lipCornerPull_l": 0.5 * ramp,
        "mouth_oo_c": 0.1 * ramp,
        "mouth_oh_c": 0.2 * (1 - ramp),  # rounding: no part of the jaw
        "brow_raise_l": ramp,
    }
    write_facegood(tmp_path, "1_1_1", weights)
    write_facegood(tmp_path, "1114_3_15", weights, fps=25.0)
    (tmp_path / "notes.txt").write_text("not a take")
    held_out, take = read_facegood(tmp_path)
    assert (take.name, take.source, take.split, take.fps) == ("1_1_1", "facegood", "train", 30.0)
    assert (held_out.name, held_out.split, held_out.fps) == ("1114_3_15", "test", 25.0)
    assert take.audio == tmp_path / "1_1_1.flac" and take.gap is None and take.width is None and take.words == ()
    expected = {
        "jawOpen": ramp,
        # the larger of both sides, and what `oh` and `oo` have of it
        "mouthFunnel": (0.4 + 0.3 * 0.1) * ramp + 0.6 * 0.2 * (1 - ramp),
        "mouthPucker": 0.8 * 0.1 * ramp,
        "mouthSmileLeft": 0.5 * ramp,
    }
    for name, values in expected.items():
        np.testing.assert_allclose(take.weights[:, ARKIT_INDEX[name]], FACEGOOD_SCALE * values, atol=1e-6)
    others = [i for name, i in ARKIT_INDEX.items() if name not in expected]
    assert (take.weights[:, others] == 0).all()
    assert take.channels[ARKIT_INDEX["mouthRollLower"]] and not take.channels[ARKIT_INDEX["mouthClose"]]
    assert not any(known for name, known in zip(ARKIT_NAMES, take.channels, strict=True) if name not in MOUTH)


def test_facegood_coefficients_stay_within_range(tmp_path):
    write_facegood(tmp_path, "1_1_1", {"mouth_stretch_c": np.full(3, 1.5), "mouth_press_l": np.full(3, -0.2)})
    (take,) = read_facegood(tmp_path)
    assert take.weights.max() == 1 and take.weights.min() == 0


def test_folder_without_takes(tmp_path):
    with pytest.raises(InputError, match=r"no takes"):
        read_facegood(tmp_path)


# --- on the head


def test_lip_opening_is_the_gap_of_posed_lips(head):
    weights = np.random.default_rng(0).uniform(0, 0.4, (40, 52)).astype(np.float32)
    weights[:, [i for i, name in enumerate(ARKIT_NAMES) if name not in MOUTH]] = 0
    rest, change = lip_opening(head)
    opening = rest + weights @ change
    assert (opening > 0).any() and (opening < 0).any()
    np.testing.assert_allclose(np.maximum(opening, 0), lip_gap(head.vertices(weights), head), rtol=0.01, atol=1e-4)


def open_jaw(values) -> np.ndarray:
    weights = np.zeros((len(values), 52), np.float32)
    weights[:, ARKIT_INDEX["jawOpen"]] = values
    return weights


def test_lips_close_to_the_measured_gap(head):
    """Under a jaw at any opening, every gap from touching lips to what the jaw gives by itself is reached."""
    jaws = np.repeat([0.15, 0.3, 0.5, 0.8], 6)
    gap = np.tile(np.linspace(0, 0.95, 6), 4) * lip_gap(head.vertices(open_jaw(jaws)), head)
    closed = close_lips(open_jaw(jaws), gap, head)
    reached = lip_gap(head.vertices(closed), head)
    apart, closed_again = gap >= CLOSED, gap <= CLOSED_GAP
    np.testing.assert_allclose(reached[apart], gap[apart], atol=1e-3)
    assert apart.any() and closed_again.any() and (reached[closed_again] == 0).all()
    close, jaw = ARKIT_INDEX["mouthClose"], ARKIT_INDEX["jawOpen"]
    assert (closed[:, close] >= 0).all() and (closed[:, close] <= closed[:, jaw] + 1e-6).all()
    others = [i for i in range(52) if i != close]
    assert np.array_equal(closed[:, others], open_jaw(jaws)[:, others])
    # The tighter the lips, the more of it.
    assert (np.diff(closed[:, close].reshape(4, 6), axis=1) < 0).all()


def test_lips_that_are_wide_open_are_left_alone(head):
    weights = open_jaw([0.0, 0.2, 0.4])
    weights[:, ARKIT_INDEX["mouthClose"]] = 0.1  # what a tracker says of it is not used
    assert (close_lips(weights, np.full(3, 0.9), head)[:, ARKIT_INDEX["mouthClose"]] == 0).all()
    assert (weights[:, ARKIT_INDEX["mouthClose"]] == np.float32(0.1)).all()  # nor is the input changed


def test_mouth_widens_and_narrows_with_the_measured_width(head):
    """All of a widening is taken over, of a narrowing the share `NARROWING`."""
    rest = lip_width(head.neutral[None], head)[0]
    change = np.array([-0.06, -0.03, 0.0, 0.03, 0.06])
    matched = match_width(open_jaw([0.0] * 5), change, head)
    assert (matched >= 0).all() and (matched <= 1).all()
    expected = np.where(change < 0, NARROWING * change, change)
    np.testing.assert_allclose(lip_width(head.vertices(matched), head) - rest, expected, atol=0.008)
    assert matched[0, ARKIT_INDEX["mouthPucker"]] > matched[1, ARKIT_INDEX["mouthPucker"]] > 0
    assert matched[4, ARKIT_INDEX["mouthStretchLeft"]] > matched[3, ARKIT_INDEX["mouthStretchLeft"]] > 0
    # What the jaw does to the width by itself counts.
    jaw = open_jaw([0.6])
    alone = lip_width(head.vertices(jaw), head) - rest
    np.testing.assert_allclose(match_width(jaw, alone, head), jaw, atol=0.05)


def test_capture_on_the_head_opens_and_widens_as_tracked(tmp_path, head):
    time = np.arange(50) / 25
    speaking = (time > 0.65) & (time < 1.3)
    jaw = np.where(speaking, 0.3, 0.0)
    gap = np.where(speaking, 0.12, CLOSED_GAP)
    gap[30] = CLOSED_GAP  # lips shut under an open jaw
    (tracked,) = read_grid(write_grid(tmp_path / "g", jawOpen=jaw, gap=gap, width=np.where(speaking, 0.47, 0.5)))
    (solved,) = read_facegood(write_facegood(tmp_path / "f", "1_1_1", {"mouth_stretch_c": jaw}))
    vertices = head.vertices(on_head(tracked, head))
    opened = lip_gap(vertices, head)
    assert opened[20] == pytest.approx(0.12, abs=0.01)
    assert opened[30] == 0
    assert opened[time < 0.6].max() < 2e-3
    widened = lip_width(vertices, head) - lip_width(head.neutral[None], head)[0]
    assert -0.04 < widened[20] < -0.008 and abs(widened[5]) < 2e-3
    assert np.array_equal(on_head(solved, head), solved.weights)  # nothing was measured that could be matched


@pytest.mark.skipif(not (GRID / "manifest.csv").is_file(), reason="no motion data (set SEDTALKER_DATA)")
def test_lips_of_the_head_follow_the_tracked_ones(head):
    chosen = [c for c in read_grid(GRID) if c.split == "test"][:30]
    tracked = np.concatenate([c.gap for c in chosen])
    posed = np.concatenate([lip_gap(head.vertices(on_head(c, head)), head) for c in chosen])
    assert np.corrcoef(tracked, posed)[0, 1] > 0.97
    slope, offset = np.polyfit(tracked, posed, 1)
    assert slope == pytest.approx(1, abs=0.05) and offset == pytest.approx(0, abs=0.01)


# --- command line


def test_parse_capture():
    assert parse_capture("grid=/data/grid") == ("grid", Path("/data/grid"))
    assert parse_capture("facegood=a=b") == ("facegood", Path("a=b"))
    assert parse_capture("grid=~/x")[1].is_absolute()
    for spec in ("grid", "grid=", "=x", "vocaset=/data"):
        with pytest.raises(UsageError, match=r"grid, facegood"):
            parse_capture(spec)
    assert set(READERS) == {"grid", "facegood", "voices", "video"}
