"""Where trained weights lie: `SEDTALKER_WEIGHTS`, the installed package, or a clone's top level."""

import os
from pathlib import Path

from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.formats.text import read_json

ENVIRONMENT = "SEDTALKER_WEIGHTS"
DIARIZER, ANIMATOR, VERTEX_ANIMATOR = "diarizer", "animator", "vertex-animator"  # types of checkpoints
ENCODER = "encoder"


def weights_roots() -> list[Path]:
    """Folders that are searched, in order."""
    package = Path(__file__).resolve().parents[1]
    given = os.environ.get(ENVIRONMENT)
    roots = [Path(given)] if given else []
    return [*roots, package / "weights", package.parent / "weights"]


def weights_dir(name: str) -> Path:
    """Folder of the bundled weights called `name` (`encoder`, `diarizer`, `animator`).

    Raises:
        UsageError: no searched folder holds them.
    """
    roots = weights_roots()
    for root in roots:
        if (root / name / "config.json").is_file():
            return root / name
    looked = ", ".join(str(root) for root in roots)
    raise UsageError(
        f"weights {name!r} not found (looked in {looked}); reinstall sedtalker or set {ENVIRONMENT} to a "
        f"folder with {name}/config.json"
    )


def checkpoint_type(folder: str | os.PathLike) -> str | None:
    """Type of a checkpoint folder, None where it cannot be read."""
    try:
        config = read_json(Path(folder) / "config.json")
    except InputError:
        return None
    return config.get("type") if isinstance(config, dict) else None


def known_emotions(diarizer: str | os.PathLike | None = None) -> tuple[str, ...]:
    """Classes of a diarizer checkpoint, read without loading it.

    Raises:
        UsageError: no such checkpoint.
    """
    folder = Path(diarizer) if diarizer else weights_dir("diarizer")
    try:
        config = read_json(folder / "config.json")
    except InputError as error:
        raise UsageError(f"{folder}: is not a diarizer checkpoint ({error})") from error
    classes = config.get("classes") if isinstance(config, dict) else None
    if not isinstance(classes, list):
        raise UsageError(f"{folder}: is not a diarizer checkpoint (its config.json names no classes)")
    return tuple(map(str, classes))
