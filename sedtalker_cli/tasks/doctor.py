"""What is there of all that the commands can use: for bug reports, and before a long run."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from sedtalker_cli.batch.threads import cores
from sedtalker_cli.errors import InputError, SedtalkerError
from sedtalker_cli.formats.text import read_json
from sedtalker_cli.model.weights import ANIMATOR, DIARIZER, ENCODER, weights_dir
from sedtalker_cli.version import __version__

NEEDED = ("torch", "torchaudio", "transformers", "numpy", "scipy", "soundfile", "soxr", "pyrender", "trimesh", "typer")
# what an optional package serves, and the extra that installs it
OPTIONAL = {
    "usd-core": ("--export usd, usdz", "usd"),
    "python-osc": ("render --stream", "osc"),
    "DracoPy": ("heads compressed with Draco", "draco"),
    "mediapipe": ("train animator --capture video=PATH", "video"),
    "ray": ("--engine ray", "cluster"),
    "tensorboard": ("curves of training", "tensorboard"),
    "mamba-ssm": ("--scan-backend mamba-ssm", "cuda"),
    "causal-conv1d": ("--scan-backend mamba-ssm", "cuda"),
}
GOOD, ABSENT, BROKEN = "ok", "not installed", "missing"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for.

    Attributes:
        name: what it is.
        state: `ok`; `not installed` of something optional; `missing` of something that commands need.
        value: version, path or the like; what to do where it is not there.
    """

    name: str
    state: str
    value: str

    def to_dict(self) -> dict[str, str]:
        """For JSON."""
        return asdict(self)


def examine() -> Iterator[Finding]:
    """Look at everything, one finding after the other; nothing is downloaded or written."""
    yield Finding("sedtalker", GOOD, __version__)
    yield Finding("python", GOOD, f"{platform.python_version()} ({sys.executable})")
    yield Finding("system", GOOD, f"{platform.system()} {platform.release()}, {platform.machine()}")
    yield Finding("cores", GOOD, f"{cores()} may be used of {os.cpu_count()}")
    for name in NEEDED:
        yield _package(name) or Finding(name, BROKEN, "reinstall sedtalker (pip install .)")
    yield _tried("cuda", _cuda)
    yield _tried("drawing", _drawing)
    yield _tried("ffmpeg", _ffmpeg)
    for name in (ENCODER, DIARIZER, ANIMATOR):
        yield _tried(f"weights/{name}", lambda name=name: _weights(name))
    for name, (purpose, extra) in OPTIONAL.items():
        advice = f'for {purpose}: pip install "sedtalker[{extra}]"'
        yield _package(name) or Finding(name, ABSENT, advice)


def _package(name: str) -> Finding | None:
    try:
        return Finding(name, GOOD, version(name))
    except PackageNotFoundError:
        return None


def _tried(name: str, look: Callable[[], Any]) -> Finding:
    """What a look finds; an error is the finding, whatever it is."""
    try:
        found = look()
    except SedtalkerError as error:
        return Finding(name, BROKEN, str(error))
    except Exception as error:
        return Finding(name, BROKEN, f"{type(error).__name__}: {error}")
    return found if isinstance(found, Finding) else Finding(name, GOOD, found)


def _cuda() -> Finding:
    import torch

    if not torch.cuda.is_available():
        return Finding("cuda", ABSENT, f"models run on the CPU (torch {torch.__version__})")
    names = ", ".join(torch.cuda.get_device_name(k) for k in range(torch.cuda.device_count()))
    return Finding("cuda", GOOD, f"{torch.version.cuda}: {names}")


def _drawing() -> Finding:
    from sedtalker_cli.render.gl import NoOpenGL, describe_opengl

    try:
        return Finding("drawing", GOOD, describe_opengl())
    except NoOpenGL as error:
        return Finding("drawing", ABSENT, f"pictures are drawn by Matplotlib, plainer; {error}")


def _ffmpeg() -> str:
    from sedtalker_cli.render.video import find_ffmpeg

    path = find_ffmpeg()
    said = subprocess.run([path, "-version"], capture_output=True, text=True, check=True).stdout
    return f"{said.split(' Copyright')[0].removeprefix('ffmpeg version ').strip()} ({path})"


def _weights(name: str) -> str:
    """Checksum and folder of bundled weights.

    Raises:
        SedtalkerError: they are not there, or were trained with another encoder than the one beside them.
    """
    from sedtalker_cli.model.checkpoint import checksum

    folder = weights_dir(name)
    heard_with = read_json(folder / "config.json").get("encoder_sha256")
    if heard_with not in (None, checksum(weights_dir(ENCODER))):
        raise InputError(f"{folder}: was trained with another encoder than {weights_dir(ENCODER)}; reinstall sedtalker")
    return f"sha256 {checksum(folder)} ({folder})"
