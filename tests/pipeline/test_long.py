"""Minutes of speech with the bundled models: windows leave no trace."""

import numpy as np
import pytest
import torch

from sedtalker_cli.audio.reading import load_audio
from sedtalker_cli.clock import SAMPLE_RATE
from sedtalker_cli.emotion.silence import fill_silence
from sedtalker_cli.face.head import load_head
from sedtalker_cli.model import animator as module
from sedtalker_cli.model.animator import Animator
from sedtalker_cli.model.diarizer import Diarizer
from sedtalker_cli.model.encoder import SpeechEncoder
from sedtalker_cli.model.layers.hybrid import HybridStack
from sedtalker_cli.model.windows import windowed
from tests.conftest import ROOT, needs_animator, needs_weights

SHIFT = 37 * SAMPLE_RATE // 10  # moves every window's edge; a whole number of frames


@pytest.fixture(scope="module")
def waveform() -> np.ndarray:
    """Pieces of the examples in ever other order and loudness."""
    rng = np.random.default_rng(0)
    sounds = [load_audio(path) for path in sorted((ROOT / "examples").glob("*.flac"))]
    pieces, samples = [], 0
    while samples < 600 * SAMPLE_RATE:
        sound = sounds[rng.integers(len(sounds))]
        start = rng.integers(len(sound) // 2)
        pieces.append(sound[start : start + rng.integers(len(sound) // 4, len(sound) // 2)] * rng.uniform(0.2, 1))
        samples += len(pieces[-1])
    return np.concatenate(pieces)[: 600 * SAMPLE_RATE]


@pytest.fixture(scope="module")
def models() -> tuple[SpeechEncoder, Diarizer]:
    return SpeechEncoder.load(ROOT / "weights" / "encoder"), Diarizer.load(ROOT / "weights" / "diarizer")


@needs_weights
def test_ten_minutes_in_windows_and_at_once(models, waveform):
    encoder, diarizer = models
    blocks = np.array_split(waveform, 977)
    features = encoder.encode(blocks)
    assert len(features) == 30_000
    posteriors, intensity = diarizer.predict(features)

    def first(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return diarizer.network(x.float())

    with torch.inference_mode():
        found, heard = first(features[None])
        logits, level = diarizer.network.rescore(features.float(), found[0], heard[0])
        # The test can fail: without context the edges show.
        bare, heard = windowed(first, [features], core=3000, context=0)
        bare, _ = diarizer.network.rescore(features.float(), bare, heard)
        speech = diarizer.network.hears(features.float()).sigmoid().numpy()
    (whole, strength), (bare, _) = (
        fill_silence(
            (x / diarizer.temperatures[0]).softmax(-1).numpy(),
            level.sigmoid().numpy(),
            speech,
            diarizer.classes.index("neutral"),
        )
        for x in (logits, bare)
    )
    assert np.abs(posteriors - whole).max() < 1e-3
    assert np.abs(intensity - strength).max() < 1e-3
    assert np.abs(bare - whole).max() > 0.02


@needs_weights
def test_where_the_encoders_windows_begin_changes_little(models):
    """The encoder hears 12 s at a time; recordings as people make them, with a pause between."""
    encoder, diarizer = models
    pause = np.zeros(SAMPLE_RATE * 6 // 10, np.float32)
    sounds = [load_audio(path) for path in sorted((ROOT / "examples").glob("*.flac"))]
    speech = np.concatenate([part for sound in sounds * 3 for part in (sound, pause)])
    posteriors, later = (diarizer.predict(encoder.encode([x]))[0] for x in (speech, speech[SHIFT:]))
    posteriors = posteriors[-len(later) :]
    assert (later.argmax(1) == posteriors.argmax(1)).mean() > 0.9
    assert np.abs(later - posteriors).mean() < 0.05


@needs_animator
def test_motion_in_windows_and_at_once(models, waveform, monkeypatch):
    """No vertex is further than 0.05 mm from where it is when the network moves all four minutes at once."""
    encoder, _ = models
    animator, head = Animator.load(ROOT / "weights" / "animator"), load_head()
    features = encoder.store(np.array_split(waveform[: 240 * SAMPLE_RATE], 977))
    rng = np.random.default_rng(0)
    place = np.arange(len(features)) / len(features)
    posteriors = rng.dirichlet(np.full(len(animator.classes), 0.3), 200).astype(np.float32)[(200 * place).astype(int)]
    intensity = np.full(len(features), 0.8, np.float32)
    found = animator.predict(features, posteriors, intensity, 240.0, 25)
    parts = (
        animator.predict(features[part], posteriors[part], intensity[part], 60.0, 25)
        for part in (slice(start, start + 3000) for start in range(0, 12000, 3000))
    )
    bare = np.concatenate(list(parts))  # each minute by itself: the edges show

    def at_once(network, inputs, core, context, stride):
        return windowed(network, inputs, core=len(inputs[0]), context=0, stride=stride)

    monkeypatch.setattr(module, "windowed", at_once)
    monkeypatch.setattr(module, "PIECE", len(features))
    monkeypatch.setattr(HybridStack, "in_pieces", HybridStack.forward)
    whole = animator.predict(features[:], posteriors, intensity, 240.0, 25)

    def distance(weights: np.ndarray) -> float:
        """Largest distance [mm] of a vertex from where `whole` has it."""
        pairs = zip(head.stream(weights), head.stream(whole), strict=True)
        return 1000 * max(float(np.sqrt(((x - y) ** 2).sum(-1).max())) for x, y in pairs)

    assert distance(found) < 0.05
    assert distance(bare) > 0.05  # the test can fail
