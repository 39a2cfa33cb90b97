"""What some tests need of the machine: without it they are skipped, or fail where it is required.

`SEDTALKER_REQUIRE=browser,opengl` (any names of `MISSING`, with commas between) turns such skips into failures: a test
that nobody ran must not look like one that passed.
"""

import os
import shutil
from functools import cache
from pathlib import Path

import pytest

WEIGHTS = Path(__file__).resolve().parent.parent / "weights"
NODE = Path(__file__).resolve().parent / "node"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def browser() -> str | None:
    """The path of a Chromium."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def firefox_path() -> str | None:
    """The path of a Firefox."""
    return shutil.which("firefox") or shutil.which("firefox-esr")


def blender_command(script: Path) -> list[str]:
    """What runs a script in Blender: the program, or the Python with `bpy` that SEDTALKER_BPY names; empty without."""
    if os.environ.get("SEDTALKER_BPY"):
        return [os.environ["SEDTALKER_BPY"], str(script)]
    options = ("--background", "--factory-startup", "--python-exit-code", "1", "--python", str(script))
    return ["blender", *options] if shutil.which("blender") else []


def _no_three() -> str | None:
    if shutil.which("node") and (NODE / "node_modules/three/package.json").is_file():
        return None
    return "no three.js here to open files with: npm ci --prefix tests/node"


def _no_firefox() -> str | None:
    if firefox_path() is None:
        return "no Firefox here to open the page in"
    return None if shutil.which("Xvfb") else "no Xvfb here, on whose screen Firefox has WebGL"


@cache
def _no_opengl() -> str | None:
    from sedtalker_cli.errors import SedtalkerError
    from sedtalker_cli.render.gl import ensure_opengl

    try:
        ensure_opengl()
    except SedtalkerError as error:
        return str(error)
    return None


def _no_weights(*names: str) -> str | None:
    absent = [name for name in names if not (WEIGHTS / name / "config.json").is_file()]
    return f"weights/{absent[0]} is not in this clone" if absent else None


# By the thing's name: a function that says why it is not here, or None.
MISSING = {
    "browser": lambda: None if browser() else f"no Chromium here ({', '.join(BROWSERS)})",
    "firefox": _no_firefox,
    "opengl": _no_opengl,
    "node": lambda: None if shutil.which("node") else "no Node.js here to run the page's script with",
    "three": _no_three,
    "blender": lambda: (
        None if blender_command(Path()) else "no Blender here (`blender`, or SEDTALKER_BPY=a Python with bpy)"
    ),
    "weights": lambda: _no_weights("encoder", "diarizer"),
    "animator": lambda: _no_weights("encoder", "diarizer", "animator"),
}


def required() -> set[str]:
    """The things that `SEDTALKER_REQUIRE` names."""
    names = set(filter(None, os.environ.get("SEDTALKER_REQUIRE", "").split(",")))
    if names - set(MISSING):
        raise pytest.UsageError(
            f"SEDTALKER_REQUIRE: {', '.join(sorted(names - set(MISSING)))}: none of {list(MISSING)}"
        )
    return names


def check(item: pytest.Item) -> None:
    """Skip or fail a test that is marked with `needs` and whose thing is not here."""
    for marker in item.iter_markers("needs"):
        (thing,) = marker.args
        reason = MISSING[thing]()
        if reason and thing in required():
            pytest.fail(f"required: {reason}", pytrace=False)
        if reason:
            pytest.skip(reason)
