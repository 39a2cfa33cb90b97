"""Speakers by their own measure: mean and deviation, how much must be known of them, and what a voice keeps."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.model.diarizer import Diarizer, Voice
from sedtalker_cli.model.diarizer_network import DiarizerNetwork
from sedtalker_cli.model.statistics import deviation_of
from tests.model.statistics_networks import silence, small_network, spoken

pytestmark = pytest.mark.usefixtures("heard_as_loud_as_recorded")


def diarizer(**config) -> Diarizer:
    network = small_network(len(EMOTIONS))
    for name in ("shares", "stretch_shares", "level_shares"):
        getattr(network, name).fill_(0.7)
    return Diarizer(network, {"classes": list(EMOTIONS), **config}, "cpu", "")


def normalised(x: torch.Tensor) -> torch.Tensor:
    return F.layer_norm(x, x.shape[-1:])


def test_a_well_known_speaker_is_standardised_exactly():
    """Whatever their mean and deviation, by their own measure they are 0 and 1."""
    network = small_network()
    x = normalised(spoken(400, 200))
    measure = network.measure_of(x.sum(0) * 1e6, (x**2).sum(0) * 1e6, 400 * 10**6)
    standard = ((x - network.centre) / network.spread).flatten(1)
    mean = standard.mean(0)
    deviation = deviation_of(mean, (standard**2).mean(0))
    assert mean.abs().max() > 0.3 and deviation.abs().max() > 0.3
    own_mean, own_deviation = measure(mean, deviation)
    torch.testing.assert_close(own_mean, torch.zeros(8), atol=1e-3, rtol=0)
    torch.testing.assert_close(own_deviation, torch.zeros(8), atol=1e-2, rtol=0)
    # A stretch of theirs: what its frames are when each is standardised by the speaker's mean and deviation.
    part = standard[:150]
    alone = (part - mean) / (deviation + 1)
    found = measure(part.mean(0), deviation_of(part.mean(0), (part**2).mean(0)))
    torch.testing.assert_close(found[0], alone.mean(0), atol=1e-2, rtol=1e-2)
    torch.testing.assert_close(found[1], deviation_of(alone.mean(0), (alone**2).mean(0)), atol=2e-2, rtol=2e-2)


def test_little_speech_draws_the_measure_towards_that_of_all():
    network = small_network()
    mean, deviation = network.centre + 2 * network.spread, 0.5 * network.spread
    square = deviation**2 + mean**2
    nothing = network.measure_of(torch.zeros(2, 4), torch.zeros(2, 4), 0)
    torch.testing.assert_close(nothing.shift, torch.zeros(8), atol=1e-5, rtol=0)
    torch.testing.assert_close(nothing.ratio, torch.ones(8), atol=1e-5, rtol=0)
    half = network.measure_of(5 * mean, 5 * square, 5)  # as many frames as the prior counts
    torch.testing.assert_close(half.shift, torch.ones(8), atol=1e-5, rtol=0)
    # Variance of half of the one and half of the other: within, (1 + 0.25) / 2, and between, 1.
    torch.testing.assert_close(half.ratio, torch.full((8,), (0.625 + 1) ** 0.5), atol=1e-4, rtol=0)
    much = network.measure_of(15 * mean, 15 * square, 15)  # three times as many: three quarters of the way
    torch.testing.assert_close(much.shift, torch.full((8,), 1.5), atol=1e-5, rtol=0)
    shifts = [float(network.measure_of(n * mean, n * square, n).shift.mean()) for n in (1, 5, 50, 5000)]
    assert shifts == sorted(shifts) and shifts[-1] == pytest.approx(2, abs=0.01)


def test_ten_seconds_of_speech_weigh_as_much_as_everybody():
    """Where a checkpoint does not say otherwise."""
    network = DiarizerNetwork(7, 1, 4, d_model=8, layout="m", window=4, d_state=2)
    network.centre.fill_(1.0)
    measure = network.measure_of(torch.full((1, 4), 3.0 * 500), torch.full((1, 4), 9.0 * 500), 500)
    torch.testing.assert_close(measure.shift * network.spread.flatten(), torch.ones(4))


def voice(stretches: int, answers: list[float], frames: int = 400) -> Voice:
    x = normalised(spoken(frames, 100))
    return Voice(x.sum(0), (x**2).sum(0), frames, torch.tensor(answers), stretches)


VARIED = [3.0, 2, 2, 2, 0, 0, 1]


@pytest.mark.parametrize(
    ("known", "stretches", "answers"),
    [
        (False, 7, VARIED),  # too little
        (False, 50, [50.0, 0, 0, 0, 0, 0, 0]),  # one mood
        (False, 50, [25.0, 25, 0, 0, 0, 0, 0]),  # two
        (False, 0, [0.0] * 7),  # nothing
        (True, 8, VARIED),
        (True, 50, [12.0, 12, 12, 12, 0, 0, 0]),
    ],
)
def test_gate(known, stretches, answers):
    """Of whom too little is known, or one mood only, is judged as a stranger, to the last bit."""
    model, x = diarizer(), spoken(200, 90)
    plain, own = model.predict(x), model.predict(x, voice(stretches, answers))
    assert (model.measure(voice(stretches, answers)) is not None) == known
    for a, b in zip(plain, own, strict=True):
        assert np.array_equal(a, b) != known


def test_a_checkpoint_says_its_gate():
    assert diarizer(gate={"stretches": 2, "variety": 0}).measure(voice(2, [2.0, 0, 0, 0, 0, 0, 0])) is not None
    assert diarizer(gate={"stretches": 3}).measure(voice(2, VARIED)) is None
    for gate in ({"stretches": -1}, {"variety": float("nan")}, {"moods": 2}):
        with pytest.raises(ValueError, match="gate"):
            diarizer(gate=gate)


def test_variety_counts_classes():
    assert voice(4, [2.0, 2, 2, 2, 0, 0, 0]).variety == pytest.approx(4)
    assert voice(9, [9.0, 0, 0, 0, 0, 0, 0]).variety == pytest.approx(1)
    assert voice(0, [0.0] * 7).variety == pytest.approx(1)


def test_a_voice_is_of_speech_alone():
    model, x = diarizer(), spoken(200, 90)
    alone, padded = model.voice(x), model.voice(torch.cat([silence(80), x, silence(300)]))
    heard = normalised(x)
    assert alone.frames == padded.frames == 200
    for found in (alone, padded):
        torch.testing.assert_close(found.total, heard.sum(0), atol=1e-3, rtol=1e-4)
        torch.testing.assert_close(found.square, (heard**2).sum(0), atol=1e-3, rtol=1e-4)
    assert alone.stretches >= 200 // 40 and float(alone.answers.sum()) == alone.stretches
    nobody = model.voice(silence(120))
    assert nobody.frames == nobody.stretches == 0 and model.measure(nobody) is None
    assert model.voice(silence(0)).frames == 0


def test_voices_add_up():
    first, second = voice(3, VARIED, 150), voice(6, [1.0, 0, 0, 0, 0, 0, 5], 300)
    both = first + second
    assert (both.frames, both.stretches, both.answers.tolist()) == (450, 9, [4, 2, 2, 2, 0, 0, 6])
    torch.testing.assert_close(both.total, first.total + second.total)
    torch.testing.assert_close(both.square, first.square + second.square)


def test_silence_around_changes_nothing_that_is_said_of_speech():
    """Windows and stretches hear speech alone, so that padding a recording leaves its answers as they are."""
    model = diarizer()
    model.network.shares[:, 0] = 0  # the stack hears all
    model.network.stretch_decoding.copy_(torch.tensor([10.0, 1e3]))  # one stretch
    x = spoken(38, 20)
    alone, padded = model.predict(x), model.predict(torch.cat([x, silence(2)]))
    np.testing.assert_allclose(padded[0][:37], alone[0][:37], atol=1e-4)
    longer = model.predict(torch.cat([x, silence(200)]))
    assert (longer[0][-1] == np.eye(7)[EMOTIONS.index("neutral")]).all() and longer[1][-1] == 0


def test_nobody_speaking_is_neutral():
    posteriors, intensity = diarizer().predict(silence(90))
    assert (posteriors == np.eye(7)[EMOTIONS.index("neutral")]).all() and (intensity == 0).all()


def test_probability_of_speech():
    model, x = diarizer(), torch.cat([spoken(20), silence(20)])
    found = model.speech(x)
    assert found.dtype == np.float32 and found.shape == (40,)
    assert (found[:20] > 0.5).all() and (found[20:] < 0.5).all()
    assert model.speech(x[:0]).shape == (0,)


def test_temperatures_of_unknown_and_known_speakers():
    x, known = spoken(60, 30), voice(50, [9.0, 9, 9, 9, 0, 0, 0])
    base, other = diarizer(temperature=[1.0, 1.0]), diarizer(temperature=[1.0, 2.0])
    assert np.array_equal(base.predict(x)[0], other.predict(x)[0])
    sharp, soft = base.predict(x, known)[0], other.predict(x, known)[0]
    np.testing.assert_allclose(np.log(sharp[:, 0] / sharp[:, 1]), 2 * np.log(soft[:, 0] / soft[:, 1]), atol=1e-3)
    assert diarizer(temperature=1.5).temperatures == [1.5, 1.5]
    for wrong in (0, [1, -1], float("inf")):
        with pytest.raises(ValueError, match="temperature"):
            diarizer(temperature=wrong)
