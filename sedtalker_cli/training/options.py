"""Which options of `train animator` belong to which of its two trainings."""

from collections.abc import Container

from sedtalker_cli.errors import UsageError

CAPTURE_ONLY = ("phones", "corpus", "splits", "draws", "speech", "learn_captures", "landmarker")
DATASET_ONLY = ("preset", "config", "assign", "emotions", "precision", "tensorboard", "samples", "head", "device")


def check_teachers(dataset: object, capture: object, given: Container[str]) -> None:
    """Find options that do not go together.

    Args:
        dataset, capture: the option's values, empty where it was not given.
        given: names of the parameters that stand on the command line.

    Raises:
        UsageError: both or neither of `--dataset` and `--capture`, or an option of the other one.
    """
    if bool(dataset) == bool(capture):
        raise UsageError("what it learns from: give either --dataset NAME=PATH or --capture SOURCE=PATH")
    foreign = next((name for name in (CAPTURE_ONLY if dataset else DATASET_ONLY) if name in given), None)
    if foreign:
        option = "--set" if foreign == "assign" else f"--{foreign.replace('_', '-')}"
        raise UsageError(f"{option} is for --{'capture' if dataset else 'dataset'}; leave it out")
