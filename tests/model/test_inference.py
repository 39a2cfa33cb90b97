"""Trained models in use: windows, frame rates, sharpening, classes, files."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.errors import InputError
from sedtalker_cli.model.animator import Animator
from sedtalker_cli.model.checkpoint import save_checkpoint
from sedtalker_cli.model.diarizer import Diarizer
from sedtalker_cli.model.diarizer_network import DiarizerNetwork
from sedtalker_cli.model.frames import resample_frames, sharpen
from sedtalker_cli.model.windows import windowed
from tests.model.tensors import STYLES, animator_network
from tests.model.tensors import seed as seed


@pytest.mark.parametrize(("frequency", "gain"), [(0, 1), (3, 1.01286), (12.5, 1.7), (25, 1)])
def test_sharpening_lifts_fast_movements_alone(frequency, gain):
    """Against the response of the filter: 1 + 0.7 (1 - (1 + cos(2 pi f / 25 Hz)) / 2)^2."""
    wave = torch.cos(2 * math.pi * frequency / 50 * torch.arange(100.0, dtype=torch.float64))[:, None]
    inner = slice(10, -10)
    torch.testing.assert_close(sharpen(wave, 0.7)[inner], gain * wave[inner], atol=1e-4, rtol=0)
    assert sharpen(wave, 0.0) is wave and sharpen(wave[:1], 0.7) is not None


def test_windows_equal_one_shot_for_a_local_network():
    """Small whole numbers make sums exact, so that equality can be asked for."""
    kernel = torch.randint(-4, 5, (3, 2, 5), generator=torch.Generator().manual_seed(1)).float()
    x = torch.randint(-9, 10, (57, 2)).float()

    def network(part):
        y = F.conv1d(part.transpose(1, 2), kernel, padding=2).transpose(1, 2)
        return y, y[..., 0]

    expected = [y[0] for y in network(x[None])]
    for core, context in ((1, 2), (7, 2), (10, 5), (19, 2), (57, 2), (100, 2), (10, 100)):
        for found, wanted in zip(windowed(network, [x], core, context), expected, strict=True):
            assert torch.equal(found, wanted), (core, context)
    assert not torch.equal(windowed(network, [x], 10, 1)[0], expected[0])  # too little context is seen


def test_windows_are_bounded_and_cut_all_inputs_alike():
    x, y = torch.arange(50.0)[:, None], torch.arange(50.0) * 2
    seen = []

    def network(a, b):
        seen.append(a.shape[1])
        return (a[..., 0] + b,)

    (found,) = windowed(network, [x, y], core=12, context=3)
    assert torch.equal(found, 3 * torch.arange(50.0))
    assert max(seen) == 18 and len(seen) == 5


def diarizer(temperature=1.0) -> Diarizer:
    network = DiarizerNetwork(7, 2, 12, d_model=16, layout="ma", window=3, d_state=4)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
        network.speech.weight.zero_()
        network.speech.bias.fill_(1)  # speech throughout
    return Diarizer(network, {"classes": list(EMOTIONS), "temperature": temperature}, "cpu", "")


@pytest.mark.parametrize("frames", [0, 1, 50, 3001])
def test_posteriors_sum_to_one(frames):
    posteriors, intensity = diarizer().predict(torch.randn(frames, 2, 12).half())
    assert posteriors.shape == (frames, 7) and posteriors.dtype == np.float32
    assert intensity.shape == (frames,) and intensity.dtype == np.float32
    np.testing.assert_allclose(posteriors.sum(1), 1, atol=1e-5)
    assert (posteriors >= 0).all() and (intensity >= 0).all() and (intensity <= 1).all()


def test_temperature_softens_without_reordering():
    model, x = diarizer(), torch.randn(40, 2, 12)
    sharp, _ = model.predict(x)
    model.temperatures[0] = 3.0
    soft, _ = model.predict(x)
    assert (soft.argmax(1) == sharp.argmax(1)).all()
    assert (soft.max(1) < sharp.max(1)).all()
    np.testing.assert_allclose(np.log(sharp[:, 0] / sharp[:, 1]), 3 * np.log(soft[:, 0] / soft[:, 1]), atol=1e-3)


@pytest.fixture
def animator() -> Animator:
    network = animator_network()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    config = {"classes": EMOTIONS, "styles": STYLES, "class_map": {"upset": "angry", "calm": "neutral"}}
    return Animator(network, config, "cpu", "")


def neutral_rows(frames) -> np.ndarray:
    return np.tile(np.eye(7, dtype=np.float32)[EMOTIONS.index("neutral")], (frames, 1))


@pytest.mark.parametrize("fps", [25, 30, 50, 60])
def test_motion_has_the_asked_length_and_range(animator, fps):
    for frames, duration in ((1, 0.004), (1, 0.02), (50, 1.0), (50, 0.9937), (101, 2.011)):
        features = torch.randn(frames, 2, 12).half()
        motion = animator.predict(features, neutral_rows(frames), np.zeros(frames, np.float32), duration, fps)
        assert motion.shape == (max(1, round(duration * fps)), 52) and motion.dtype == np.float32
        assert (motion >= 0).all() and (motion <= 1).all()


def test_motion_depends_on_style_and_is_reproducible(animator):
    features, level = torch.randn(60, 2, 12), np.ones(60, np.float32)
    first = animator.predict(features, neutral_rows(60), level, 1.2, 30)
    assert np.array_equal(first, animator.predict(features, neutral_rows(60), level, 1.2, 30, style="one"))
    assert not np.array_equal(first, animator.predict(features, neutral_rows(60), level, 1.2, 30, style="two"))


def test_other_models_classes_are_mapped(animator):
    rows = np.array([[0.5, 0.2, 0.2, 0.1]], np.float32)
    mapped = animator.map_posteriors(rows, ("upset", "calm", "angry", "happy"))
    expected = dict.fromkeys(EMOTIONS, 0.0) | {"angry": 0.7, "neutral": 0.2, "happy": 0.1}
    np.testing.assert_allclose(mapped[0], list(expected.values()), atol=1e-6)
    assert mapped.dtype == np.float32


def test_class_without_counterpart_is_named(animator):
    with pytest.raises(InputError, match=r"'contempt'.*angry, disgust"):
        animator.map_posteriors(np.ones((3, 1), np.float32), ("contempt",))


def test_trained_models_come_back_from_their_folders(tmp_path, animator):
    first = diarizer(temperature=1.7)
    sizes = {"num_taps": 2, "dim": 12, "d_model": 16, "layout": "ma", "window": 3, "d_state": 4}
    decoding = {"min_duration": 0.4, "switch_cost": 5.0}
    config = {"type": "diarizer", "classes": EMOTIONS, "temperature": 1.7, "network": sizes, "decoding": decoding}
    save_checkpoint(tmp_path / "d", first.network.state_dict(), config)
    second = Diarizer.load(tmp_path / "d")
    x = torch.randn(20, 2, 12)
    for a, b in zip(first.predict(x), second.predict(x), strict=True):
        assert np.array_equal(a, b)
    assert second.decoding == decoding and second.classes == EMOTIONS and len(second.sha256) == 64

    sizes |= {"emotion_dim": 6, "style_dim": 2}
    config = {"type": "animator", "classes": EMOTIONS, "styles": STYLES, "class_map": {"upset": "angry"}}
    save_checkpoint(tmp_path / "a", animator.network.state_dict(), {**config, "network": sizes})
    loaded = Animator.load(tmp_path / "a")
    arguments = (x, neutral_rows(20), np.zeros(20, np.float32), 0.4, 30)
    assert np.array_equal(animator.predict(*arguments), loaded.predict(*arguments))
    assert loaded.styles == STYLES and loaded.class_map == {"upset": "angry"}
    with pytest.raises(InputError, match=r"'animator'.*diarizer is needed"):
        Diarizer.load(tmp_path / "a")


@pytest.mark.parametrize("fps", [25, 30, 50, 60])
@pytest.mark.parametrize("duration", [0.0, 0.01, 0.02, 0.5, 1.0, 1.017, 3.333])
def test_resampled_frames_lie_at_k_over_fps(fps, duration):
    """A ramp that holds its own time in s is read back as k / fps, held at both ends."""
    frames = max(1, math.ceil(duration / 0.02))
    centres = (torch.arange(frames, dtype=torch.float64) + 0.5) / 50
    values = torch.stack([centres, -2 * centres], dim=1)
    found = resample_frames(values, duration, fps)
    expected = torch.arange(max(1, round(duration * fps)), dtype=torch.float64) / fps
    expected = expected.clamp(float(centres[0]), float(centres[-1]))
    torch.testing.assert_close(found, torch.stack([expected, -2 * expected], dim=1))


def test_resampling_to_50_reads_halfway_between_frames():
    values = torch.tensor([[0.0], [1.0], [4.0], [9.0]])
    assert resample_frames(values, 0.08, 50).flatten().tolist() == [0.0, 0.375, 2.25, 6.375]
