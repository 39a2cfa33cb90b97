"""Animators of whatever kind, and what every model says of itself."""

import pytest

from sedtalker_cli.errors import InputError
from sedtalker_cli.model.animator import Animator
from sedtalker_cli.model.animators import ANIMATORS, load_animator
from sedtalker_cli.model.checkpoint import checksum, save_checkpoint
from sedtalker_cli.model.vertex_animator import VertexAnimator
from sedtalker_cli.motion import animators

CLASSES = ["angry", "happy", "neutral"]
SIZES = {"num_taps": 2, "dim": 8, "d_model": 8, "layout": "ma", "d_state": 2, "emotion_dim": 4}
CONFIGS = {
    "animator": {"type": "animator", "classes": CLASSES, "styles": ["grid"], "network": SIZES},
    "vertex-animator": {
        "type": "vertex-animator",
        "classes": CLASSES,
        "subjects": ["anyone"],
        "topologies": {"small": {"vertices": 7, "fps": 30.0, "extent": 1.0}},
        "network": SIZES,
        "encoder": {"name": "bundled", "sha256": None},
    },
}


@pytest.mark.parametrize(("kind", "model"), [("animator", Animator), ("vertex-animator", VertexAnimator)])
def test_the_configuration_names_the_kind(tmp_path, kind, model):
    save_checkpoint(tmp_path, model.build(CONFIGS[kind]).state_dict(), CONFIGS[kind])
    loaded = load_animator(tmp_path)
    assert type(loaded) is model
    assert (loaded.kind, loaded.classes) == (kind, tuple(CLASSES))
    assert (loaded.sha256, loaded.source) == (checksum(tmp_path), str(tmp_path))


def test_no_animator_is_an_error(tmp_path):
    save_checkpoint(tmp_path, {}, {"type": "diarizer", "classes": CLASSES, "network": {}})
    with pytest.raises(InputError, match="'diarizer', but a animator is needed"):
        load_animator(tmp_path)


def test_every_kind_that_can_be_loaded_can_move_a_face():
    assert set(ANIMATORS) == set(animators.ANIMATORS)
