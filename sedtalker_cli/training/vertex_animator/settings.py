"""Settings of a vertex animator's training, from presets, TOML files and the command line, the later the stronger."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from sedtalker_cli.data.talking_heads import DatasetSpec, parse_dataset
from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.formats.text import read_text

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

PRESETS = Path(__file__).parent / "presets"
PRECISIONS = ("auto", "fp32", "bf16", "fp16")
# Where and how it is computed, not what is learned: may change when a run goes on.
PLACES = (
    "datasets",
    "out",
    "cache",
    "encoder",
    "device",
    "scan_backend",
    "precision",
    "tensorboard",
    "samples",
    "head",
)


@dataclass(frozen=True)
class VertexTraining:
    """Settings of a run.

    Attributes:
        datasets: `NAME=PATH` of each, see `data.talking.parse_dataset`.
        out: folder of the run; the checkpoint is written to `out/checkpoint`.
        encoder: folder or Hugging Face id, empty for the bundled one.
        cache: where encoded sound is kept; empty keeps it in `out/cache`.
        emotions: those to learn; empty learns all.
        epochs, batch, seed, learning_rate, weight_decay: as usual; `batch` counts recordings of all processes.
        epoch_sequences: recordings drawn for an epoch, 0 for all.
        max_frames: longer recordings are cut to a stretch drawn anew every time, 0 leaves them whole.
        warmup: steps of rising learning rate, before half a cosine to 0.
        clip: largest norm of the gradient.
        ema: decay of the moving average of the weights, which is what is kept.
        patience: epochs without a better validation score after which a run ends, 0 for never.
        val_sequences: recordings of each data set that validate, evenly chosen; 0 for all.
        anyone: share of recordings trained as by an unknown subject, so that unseen faces have a way of speaking, too.
        normalize: errors are measured in the usual offset of the data set; False leaves them in its units.
        vertex_weight, velocity_weight, lips_weight: of the losses.
        precision: one of `PRECISIONS`; auto is bf16 (or fp16) on CUDA, fp32 elsewhere.
        device: auto, cpu or cuda.
        scan_backend: see `model.layers.kernels.choose_scan`.
        tensorboard: whether to log for it, too.
        samples: recordings of validation that are filmed after every epoch.
        head: template file that they are filmed with.
        network: `backbone` and sizes, see `model.backbones`.
    """

    datasets: tuple[str, ...] = ()
    out: str = ""
    encoder: str = ""
    cache: str = ""
    emotions: tuple[str, ...] = ()
    epochs: int = 100
    batch: int = 8
    seed: int = 0
    learning_rate: float = 3e-4
    weight_decay: float = 0.01
    epoch_sequences: int = 0
    max_frames: int = 240
    warmup: int = 200
    clip: float = 1.0
    ema: float = 0.999
    patience: int = 0
    val_sequences: int = 0
    anyone: float = 0.2
    normalize: bool = True
    vertex_weight: float = 1.0
    velocity_weight: float = 5.0
    lips_weight: float = 1.0
    precision: str = "auto"
    device: str = "auto"
    scan_backend: str = "auto"
    tensorboard: bool = False
    samples: int = 0
    head: str = ""
    network: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises `UsageError` where a value is invalid."""
        low = {"epochs": 1, "batch": 1, "clip": 1e-9, "learning_rate": 0, "ema": 0, "anyone": 0}
        for item in fields(self):
            value = getattr(self, item.name)
            least = low.get(item.name, 0)
            if isinstance(value, (int, float)) and not (value >= least and value < float("inf")):
                raise UsageError(f"{item.name} {value}: must be at least {least:g}")
        for name in ("ema", "anyone"):
            if getattr(self, name) > 1:
                raise UsageError(f"{name} {getattr(self, name)}: must be from 0 to 1")
        if self.precision not in PRECISIONS:
            raise UsageError(f"precision {self.precision!r}: must be one of {', '.join(PRECISIONS)}")
        if self.samples and not self.head:
            raise UsageError("samples: films need a template with triangles, name it with --head FILE.ply")

    @property
    def specs(self) -> tuple[DatasetSpec, ...]:
        """The data sets; `UsageError` if one is invalid."""
        return tuple(parse_dataset(text) for text in self.datasets)

    @property
    def learned(self) -> dict[str, Any]:
        """What decides the result of a run but encoder and data, ready for JSON."""
        values = {name: value for name, value in asdict(self).items() if name not in PLACES}
        values |= {"emotions": list(self.emotions), "datasets": [spec.name for spec in self.specs]}
        return values


def read_toml(path: Path) -> dict[str, Any]:
    """A configuration file.

    Raises:
        InputError: it cannot be read or is no TOML.
    """
    try:
        return tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: is not TOML ({error})") from None


def preset_names() -> list[str]:
    """Names of the shipped presets."""
    return sorted(path.stem for path in PRESETS.glob("*.toml"))


def read_preset(name: str) -> dict[str, Any]:
    """A shipped configuration.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in preset_names():
        raise UsageError(f"preset {name!r}: must be one of {', '.join(preset_names())}")
    return read_toml(PRESETS / f"{name}.toml")


def settings_text() -> str:
    """All settings with their defaults, as TOML, and the shipped presets."""
    shown = {bool: lambda v: str(v).lower(), tuple: lambda v: "[]", str: lambda v: f'"{v}"'}
    lines = [
        f"{item.name} = {shown.get(type(item.default), str)(item.default)}"
        for item in fields(VertexTraining)
        if item.name != "network"
    ]
    presets = [f"\n# --preset {name}\n{read_text(PRESETS / f'{name}.toml').rstrip()}" for name in preset_names()]
    return "\n".join(["# without a preset", *lines, *presets])


def parse_assignments(texts: Iterable[str]) -> dict[str, Any]:
    """`KEY=VALUE` of the command line, values as in TOML; text needs no quotes, `network.d_model=64` names sizes.

    Raises:
        UsageError: there is no `=`, or no key before it.
    """
    values: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.replace(".", "").replace("_", "").isalnum():
            raise UsageError(f"--set {text!r}: should be KEY=VALUE, e.g. warmup=100 or network.d_model=256")
        try:
            parsed = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            parsed = value
        table, dot, name = key.partition(".")
        if dot:
            values[table] = {**values.get(table, {}), name: parsed}
        else:
            values[key] = parsed
    return values


def merge_settings(layers: Iterable[tuple[str, Mapping[str, Any]]]) -> VertexTraining:
    """Settings from layers, of which later ones win; tables of the network are merged.

    Args:
        layers: (where it comes from, values), for messages.

    Raises:
        UsageError: a setting is unknown or of the wrong kind.
    """
    kinds = {item.name: type(item.default) for item in fields(VertexTraining) if item.name != "network"}
    merged: dict[str, Any] = {"network": {}}
    for origin, layer in layers:
        for name, value in layer.items():
            if name == "network" and isinstance(value, dict):
                # Another backbone has other sizes.
                changed = value.get("backbone", "hybrid") != merged["network"].get("backbone", "hybrid")
                keep = {} if changed and "backbone" in value else merged["network"]
                merged["network"] = {**keep, **value}
                continue
            if name == "network":
                raise UsageError(f"{origin}: network is {value!r}, expected sizes, e.g. network.d_model=256")
            if name not in kinds:
                near = difflib.get_close_matches(name, [*kinds, "network"], 1)
                hint = f"; did you mean {near[0]}?" if near else f"; known: {', '.join([*kinds, '[network]'])}"
                raise UsageError(f"{origin}: there is no setting {name!r}{hint}")
            merged[name] = _converted(origin, name, value, kinds[name])
    return VertexTraining(**merged)


def _converted(origin: str, name: str, value: Any, kind: type) -> Any:
    """A value as the setting's kind; numbers without a fraction count as fractions, too."""
    if kind is tuple and isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
        return tuple(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        wanted = {tuple: "a list of texts", float: "a number", int: "a whole number", bool: "true or false"}
        raise UsageError(f"{origin}: {name} is {value!r}, expected {wanted.get(kind, 'text')}")
    return value
