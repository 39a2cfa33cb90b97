"""Identities: what `--identity` may say."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field, replace

import numpy as np

from sedtalker_cli.errors import UsageError
from sedtalker_cli.face.asset import load_asset

RACES = ("african", "asian", "caucasian")
DEFAULT = "robin"
GLOBAL = {"sex": (0.0, 1.0), "age": (20.0, 80.0), "weight": (-1.0, 1.0), **dict.fromkeys(RACES, (0.0, 1.0))}


@dataclass(frozen=True)
class Identity:
    """One person's face.

    Attributes:
        name: how the user called it.
        sex: 0 female .. 1 male.
        age: years, 20..80.
        african, asian, caucasian: parts of the ethnic mix (normalised when used).
        weight: -1 lean .. 1 heavy.
        local: local target names with amounts -1..1.
        iris: sRGB colour of the iris.
        hair: sRGB colour of brows and cropped hair, before they turn grey with age.
    """

    name: str
    sex: float = 0.5
    age: float = 35.0
    african: float = 1.0
    asian: float = 1.0
    caucasian: float = 1.0
    weight: float = 0.0
    local: dict[str, float] = field(default_factory=dict)
    iris: tuple[int, int, int] = (104, 70, 44)
    hair: tuple[int, int, int] = (54, 40, 32)

    @property
    def mix(self) -> np.ndarray:
        """Normalised ethnic mix (3,) in the order of RACES."""
        parts = np.array([self.african, self.asian, self.caucasian])
        return parts / parts.sum()


BROWN, DARK, BLUE, GREEN, GREY = (104, 70, 44), (62, 40, 28), (84, 122, 156), (98, 116, 78), (122, 130, 136)


def _person(name: str, sex: float, age: float, mix: tuple[float, float, float], iris, weight=0.0, **local) -> Identity:
    return Identity(name, sex, age, *mix, weight, {k.replace("_", "-"): v for k, v in local.items()}, iris)


NAMED = {
    person.name: person
    for person in (
        _person("robin", 0.3, 28, (0.15, 0.2, 0.65), BROWN, mouth_angles=0.15, eye_height2=0.15),
        _person("anna", 0.0, 26, (0.03, 0.07, 0.9), BLUE, head_oval=0.4, nose_volume=-0.3, mouth_lowerlip_volume=0.3),
        _person("ben", 1.0, 33, (0.05, 0.05, 0.9), GREEN, head_square=0.3, chin_prominent=0.3, mouth_angles=0.15),
        _person("amara", 0.0, 29, (0.92, 0.03, 0.05), DARK, eye_scale=0.2, cheek_bones=0.4, head_oval=0.4),
        _person("kofi", 1.0, 38, (0.95, 0.0, 0.05), DARK, 0.1, head_rectangular=0.3, chin_width=0.3),
        _person("mei", 0.0, 31, (0.0, 0.97, 0.03), DARK, head_round=0.3, mouth_cupidsbow=0.3),
        _person("kenji", 1.0, 41, (0.0, 0.95, 0.05), DARK, -0.1, head_oval=0.2, nose_hump=0.2),
        _person("priya", 0.05, 35, (0.3, 0.35, 0.35), DARK, eye_scale=0.2, nose_hump=0.25, mouth_upperlip_volume=0.2),
        _person("omar", 0.95, 45, (0.25, 0.15, 0.6), BROWN, 0.2, nose_hump=0.5, nose_scale_vert=0.2, head_oval=0.3),
        _person("lucia", 0.1, 48, (0.1, 0.2, 0.7), BROWN, 0.3, head_round=0.3, mouth_scale_horiz=0.3),
        _person("nils", 0.9, 24, (0.0, 0.1, 0.9), GREY, -0.4, head_triangular=0.2, nose_point=0.2, ear_wing=0.3),
        _person("ingrid", 0.0, 68, (0.0, 0.05, 0.95), BLUE, 0.1, head_age=0.3, chin_prominent=-0.2),
        _person("walter", 1.0, 72, (0.05, 0.05, 0.9), GREY, 0.2, head_age=0.3, ear_lobe=0.5, nose_volume=0.3),
    )
}


# local targets that random identities mix
VARIED = (
    *(
        "cheek-bones",
        "cheek-volume",
        "chin-bones",
        "chin-height",
        "chin-prominent",
        "chin-width",
        "ear-scale",
        "ear-wing",
    ),
    *("eye-bag", "eye-corner2", "eye-height2", "eye-scale", "eyebrows-angle", "forehead-scale-vert", "head-fat"),
    *("head-scale-depth", "head-scale-horiz", "head-scale-vert", "head-oval", "head-round", "head-square"),
    *("mouth-angles", "mouth-cupidsbow", "mouth-lowerlip-volume", "mouth-scale-horiz", "mouth-scale-vert"),
    *("mouth-upperlip-volume", "nose-base", "nose-curve", "nose-greek", "nose-hump", "nose-point", "nose-point-width"),
    *("nose-scale-depth", "nose-scale-horiz", "nose-scale-vert", "nose-volume", "nose-width2"),
)


def local_ranges() -> dict[str, tuple[float, float]]:
    """Local target names with the range that each accepts; one-way targets start at 0."""
    names = load_asset().local.names
    stems = sorted({n[:-1] for n in names})
    return {s: (-1.0 if s + "-" in names else 0.0, 1.0) for s in stems}


def list_identities() -> list[str]:
    """Names of the built-in identities, the default first."""
    return [DEFAULT, *sorted(n for n in NAMED if n != DEFAULT)]


def parse_identity(spec: str | None) -> Identity:
    """Reads an identity spec.

    Args:
        spec: a built-in name, a whole number (seed of a random plausible face), or `key=value,...` with the keys sex
            (0 female..1 male), age (20..80), african, asian, caucasian, weight (-1..1) and local target names
            (-1..1); None or empty is the default.

    Raises:
        UsageError: the spec is invalid; the message lists what is allowed.
    """
    text = (spec or DEFAULT).strip().lower() or DEFAULT
    if text in NAMED:
        return NAMED[text]
    if text.isdecimal():
        return _random(int(text))
    if "=" in text:
        return _keys(text)
    raise UsageError(
        f"identity {spec!r} is unknown: give one of {', '.join(list_identities())}, a whole number as a seed, "
        f"or key=value pairs (keys: {', '.join(GLOBAL)}, or a local target such as nose-hump)"
    )


def _keys(text: str) -> Identity:
    ranges = {**GLOBAL, **local_ranges()}
    values: dict[str, float] = {}
    for pair in text.split(","):
        key, _, value = (part.strip() for part in pair.partition("="))
        if key not in ranges:
            close = difflib.get_close_matches(key, ranges, 4, 0.5)
            hint = f"; near it: {', '.join(close)}" if close else ""
            local = ", ".join(k for k in ranges if k not in GLOBAL)
            raise UsageError(
                f"identity key {key!r} is unknown{hint}. Keys: {', '.join(GLOBAL)}; local targets: {local}"
            )
        low, high = ranges[key]
        try:
            values[key] = float(value)
        except ValueError:
            raise UsageError(f"identity key {key}: {value!r} is not a number ({low:g}..{high:g})") from None
        if not low <= values[key] <= high:
            raise UsageError(f"identity key {key}: {value} is outside {low:g}..{high:g}")
        if list(map(str.strip, text.replace("=", ",").split(","))).count(key) > 1:
            raise UsageError(f"identity key {key} is given twice")
    mix = {race: values.pop(race) for race in RACES if race in values}
    if mix and not sum(mix.values()):
        raise UsageError(f"identity: at least one of {', '.join(RACES)} must be above 0")
    if mix:
        mix = {race: mix.get(race, 0.0) for race in RACES}
    main = {k: values.pop(k) for k in ("sex", "age", "weight") if k in values}
    person = replace(NAMED[DEFAULT], name=text, local=values, **main, **mix)
    return replace(person, iris=_iris(person, 0.5))


def _iris(person: Identity, pick: float) -> tuple[int, int, int]:
    """An iris colour that goes with the ethnic mix; `pick` 0..1 chooses among those that do."""
    light = (BLUE, GREEN, GREY, BROWN)
    return light[int(pick * 3.99)] if person.mix[2] > 0.75 else BROWN if person.mix[2] > 0.4 else DARK


def _random(seed: int) -> Identity:
    rng = np.random.default_rng(seed)
    sex = float(rng.choice([0.0, 1.0]) * 0.84 + rng.uniform(0.0, 0.16))
    age = float(np.clip(20 + rng.gamma(2.0, 10.0), 20, 75))
    mix = rng.dirichlet([0.5, 0.5, 0.5])
    weight = float(np.clip(rng.normal(0, 0.3), -0.6, 0.8))
    ranges = local_ranges()
    local = {}
    for stem in rng.choice(VARIED, 14, replace=False):
        low, high = ranges[stem]
        local[str(stem)] = float(
            np.clip(rng.normal(0, 0.3) if low < 0 else abs(rng.normal(0, 0.3)), max(low, -0.5), min(high, 0.5))
        )
    person = Identity(str(seed), sex, age, *map(float, mix), weight, local)
    return replace(person, iris=_iris(person, float(rng.uniform())))
