"""Settings of the animator of vertices: layers, presets, classes."""

import pytest

from sedtalker_cli.training.vertex_animator.description import class_map
from sedtalker_cli.training.vertex_animator.settings import (
    merge_settings,
    parse_assignments,
    preset_names,
    read_preset,
)


def test_later_layers_win_and_sizes_of_another_backbone_are_dropped():
    settings = merge_settings(
        [
            ("preset", read_preset("base")),
            ("file", {"batch": 3, "network": {"d_model": 64}}),
            ("--set", parse_assignments(["network.window=5", "clip=2", "emotions=['sad']", "encoder=facebook/x"])),
        ]
    )
    assert (settings.batch, settings.clip, settings.emotions, settings.encoder) == (3, 2.0, ("sad",), "facebook/x")
    assert settings.network == {"backbone": "hybrid", "d_model": 64, "layout": "mamama", "window": 5}
    other = merge_settings([("preset", read_preset("base")), ("--set", parse_assignments(["network.backbone=paper"]))])
    assert other.network == {"backbone": "paper"}


@pytest.mark.parametrize("name", ["base", "laptop", "paper"])
def test_presets_are_settings(name):
    assert name in preset_names()
    assert merge_settings([("preset", read_preset(name))]).network["backbone"] in ("hybrid", "paper")


def test_diarizers_emotions_all_have_a_class():
    classes = ("angry", "disgust", "fear", "happy", "neutral", "sad", "upset")
    assert class_map(classes) == {"surprise": "happy"}
    assert set(class_map(("neutral",)).values()) == {"neutral"}
