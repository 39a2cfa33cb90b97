"""Checkpoints: a folder with `model.safetensors` and `config.json`; nothing in them is ever executed."""

import hashlib
import inspect
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn
from torch.overrides import TorchFunctionMode

from sedtalker_cli.disguises import true_kind_of
from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.checksum import file_checksum
from sedtalker_cli.formats.text import read_json
from sedtalker_cli.model.features import Features

WEIGHTS_FILE = "model.safetensors"
CONFIG_FILE = "config.json"
MOST_SIZE, MOST_LAYERS = 1 << 14, 256


class Source(Protocol):
    """What tells one model from another."""

    @property
    def sha256(self) -> str | None:
        """Checksum, None for a model of the hub."""

    @property
    def source(self) -> str:
        """Folder, or name on the hub."""


class HearsLayers(Protocol):
    """A network that takes features (T, num_taps, dim)."""

    num_taps: int
    dim: int


class Checkpoint(Protocol):
    """What every model that was loaded from a checkpoint says of itself.

    Attributes:
        kind: `type` in its configuration.
        classes: emotions that it knows.
        sha256: checksum of configuration and weights.
        source: its folder.
    """

    kind: str
    classes: tuple[str, ...]
    sha256: str
    source: str

    def __init__(self, network: Any, config: dict[str, Any], device: str, sha256: str, source: str = ""):
        """Take over a network with its trained weights, and its configuration."""

    @staticmethod
    def build(config: dict[str, Any]) -> nn.Module:
        """The network that a configuration describes, with random weights; `ValueError` where it describes none."""


Model = TypeVar("Model", bound=Checkpoint)


def load_checkpoint(model: type[Model], folder: str | os.PathLike[str], device: str = "cpu") -> Model:
    """Load a checkpoint folder as the model that it is of.

    Args:
        model: class.
        folder: with `config.json` and `model.safetensors`.
        device: `cpu` or `cuda`.

    Raises:
        InputError: no, damaged or foreign checkpoint.
    """
    config = load_config(folder, model.kind)
    with config_errors(folder):
        names_of(config["classes"])
        check_sizes(config["network"])
        network = load_network(folder, lambda: model.build(config))
        return model(network, config, device, checksum(folder), str(folder))


def save_checkpoint(folder: str | os.PathLike, state: dict[str, torch.Tensor], config: dict[str, Any]) -> None:
    """Write weights and configuration, each beside its name and renamed into place.

    Args:
        folder: target folder, made if absent.
        state: tensors by parameter name.
        config: JSON-serialisable configuration; must hold `type`.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    weights_part = folder / (WEIGHTS_FILE + ".part")
    save_file(tensors, weights_part)
    weights_part.chmod(0o644)  # safetensors writes files that only the owner can read
    config_part = folder / (CONFIG_FILE + ".part")
    config_part.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(weights_part, folder / WEIGHTS_FILE)
    os.replace(config_part, folder / CONFIG_FILE)


def sizes_of(network: type[nn.Module], **given: Any) -> dict[str, Any]:
    """All optional and given arguments of a network's class, so that a checkpoint does not depend on defaults.

    Args:
        network: class.
        given: arguments that differ from the defaults or have none.
    """
    parameters = inspect.signature(network).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty} | given


def load_config(folder: str | os.PathLike, expected_type: str) -> dict[str, Any]:
    """Read and check `config.json` of a checkpoint folder.

    Raises:
        InputError: the folder, the file or its `type` is not what is expected.
    """
    path = Path(folder) / CONFIG_FILE
    if not path.is_file():
        raise InputError(
            f"{folder}: not a {expected_type} checkpoint; give a folder with {CONFIG_FILE} and {WEIGHTS_FILE}"
        )
    config = read_json(path)
    found = config.get("type") if isinstance(config, dict) else None
    if found != expected_type:
        raise InputError(f"{path}: is a checkpoint of type {found!r}, but a {expected_type} is needed here")
    return config


@contextmanager
def config_errors(folder: str | os.PathLike) -> Iterator[None]:
    """Turn what a wrong `config.json` does to a network's constructor into an `InputError`."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError, RuntimeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{Path(folder) / CONFIG_FILE}: does not describe a network ({reason}); restore it") from error


def names_of(values: Any) -> tuple[str, ...]:
    """A configuration's list of different names, at least one.

    Raises:
        ValueError: it is none.
    """
    if not (isinstance(values, list) and values and all(isinstance(v, str) and v for v in values)):
        raise ValueError(f"{values!r} is no list of names")
    if len(set(values)) < len(values):
        raise ValueError(f"{values!r} has a name twice")
    return tuple(values)


def check_sizes(sizes: Any) -> None:
    """Refuse what would take memory or time without end before a network is made of it.

    Args:
        sizes: arguments of a network as JSON gives them.

    Raises:
        ValueError: names the argument.
    """
    for name, value in sizes.items():
        if (isinstance(value, str) and name != "layout") or name == "units":
            continue  # a choice among names, which the network knows
        most = MOST_LAYERS if name in ("num_layers", "members") else MOST_SIZE
        values = value if isinstance(value, list) else [len(value) if name == "layout" else value]
        if not all(isinstance(v, int | float) and 0 <= v <= most for v in values):
            raise ValueError(f"{name} is {str(value)[:40]}")


def load_state(folder: str | os.PathLike) -> dict[str, torch.Tensor]:
    """Read a checkpoint's tensors as float32.

    Raises:
        InputError: missing or damaged weights file.
    """
    path = Path(folder) / WEIGHTS_FILE
    if not path.is_file():
        raise InputError(f"{path}: missing; a checkpoint holds {CONFIG_FILE} and {WEIGHTS_FILE}")
    try:
        state = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        if (kind := true_kind_of(path)) is not None:
            raise InputError(f"{path}: {kind}") from error
        raise InputError(f"{path}: not a readable safetensors file ({error}); restore the checkpoint") from error
    state = {name: t.float() if t.is_floating_point() else t for name, t in state.items()}
    bad = next((name for name, t in state.items() if not t.isfinite().all()), None)
    if bad:
        raise InputError(f"{path}: {bad} holds values that are not finite; restore the checkpoint")
    return state


class _Sketch(TorchFunctionMode):
    """Makes parameters that have a shape but no memory, and leaves out to draw their values.

    As `torch.device("meta")`, under which many other functions would import torch's compiler, for a second.
    """

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func in (torch.empty, torch.zeros, torch.ones):
            return func(*args, **(kwargs or {}) | {"device": "meta"})
        if getattr(func, "__module__", None) == nn.init.__name__ and "tensor" in (kwargs or {}):
            return kwargs["tensor"]
        return func(*args, **(kwargs or {}))


def load_network(folder: str | os.PathLike, build: Callable[[], nn.Module]) -> nn.Module:
    """Make the network of a checkpoint and load its tensors; every name and shape must match.

    Args:
        folder: of the checkpoint.
        build: makes the network from what `config.json` says.

    Raises:
        InputError: the configuration describes no network, or another one than the weights are of.
    """
    with config_errors(folder), _Sketch():  # takes no memory, however large it claims to be
        own = build().state_dict()
    state = load_state(folder)
    wrong = sorted(set(own) ^ set(state)) or [n for n in own if own[n].shape != state[n].shape]
    if wrong:
        raise InputError(
            f"{folder}: weights do not fit their {CONFIG_FILE} (first difference: {wrong[0]}); restore the checkpoint"
        )
    network = build()
    network.load_state_dict(state, strict=True)
    return network.eval()


def check_features(network: HearsLayers, features: Features) -> None:
    """Find out whether features (T, L, D) are those that a network was made for.

    Raises:
        InputError: they come from another encoder.
    """
    expected, found = (network.num_taps, network.dim), tuple(features.shape[1:])
    if found != expected:
        raise InputError(
            f"a model here hears {expected[0]} layers of {expected[1]} numbers, but the encoder gives "
            f"{found[0]} of {found[1]}; choose the --encoder that it was trained with"
        )


def checksum(folder: str | os.PathLike) -> str:
    """SHA-256 over configuration and weights of a checkpoint, as hex."""
    digest = hashlib.sha256()
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        with open(Path(folder) / name, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def fingerprint(model: Source) -> str:
    """What tells a model from others: its checksum, that of the files in its folder, or its name at a hub."""
    if model.sha256 or not os.path.isdir(model.source):
        return model.sha256 or model.source
    # a folder of `transformers` has all its files on top
    files = sorted(path for path in Path(model.source).iterdir() if path.is_file() and not path.name.startswith("."))
    return _checksum_of(tuple((path, path.stat().st_size, path.stat().st_mtime_ns) for path in files))


@lru_cache(maxsize=8)
def _checksum_of(files: tuple[tuple[Path, int, int], ...]) -> str:
    """SHA-256 over names and contents of files, which are read again when size or time have changed."""
    lines = "".join(f"{file_checksum(path)} {path.name}\n" for path, _, _ in files)
    return hashlib.sha256(lines.encode(errors="surrogateescape")).hexdigest()
