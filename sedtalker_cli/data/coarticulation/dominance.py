"""Mouth curves from phone times by coarticulation: dominance functions fitted to captured motion.

Every phone pulls each articulator towards a target; how strongly is its dominance, which is 1 within the phone and
decays before (anticipation) and after it (carry-over). A curve is the mean of the targets weighted by dominance
(Cohen & Massaro, "Modeling coarticulation in synthetic visual speech", 1993). `tools/fit_coarticulation.py` fits all
parameters; hard constraints are added here: bilabials close, labiodentals nearly, long silence rests.

Dominance of phone u in a group of channels g at time t, for a phone from `on` to `off`, half its length h:

    log D = a_ug - (l_ug b)^p_g - (r_ug c)^p_g,   b = soft(on + e + d_g - t),   c = soft(t - d_g - off + e),

with e = min((1 - f_g) h, MARGIN) and soft(x) = s log(1 + exp(x / s)), s = SOFT, so that curves stay smooth.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
import torch

from sedtalker_cli.data.captures import CLOSED_GAP, close_lips, match_width
from sedtalker_cli.data.coarticulation.visemes import BILABIALS, LABIODENTALS, UNITS, unit_shares
from sedtalker_cli.face.arkit import ARKIT_INDEX, ARKIT_NAMES, MOUTH
from sedtalker_cli.face.head import Head
from sedtalker_cli.formats.phones import SILENCE, Phone

SOFT = 0.012  # rounding of the dominance's corners [s]
MARGIN = 0.04  # at most so far inside its ends a phone begins to yield [s]
GROUPS = ("jaw", "opening", "width", "contact")
CLOSING_RAMP = 0.06  # of the lips towards and away from closure [s]
LABIODENTAL_SHUT = 0.6
REST_AFTER, REST_BEFORE, REST_RAMP = 0.35, 0.35, 0.2  # silence rests this long after and before speech [s]
CHANNELS = (*MOUTH, "gap", "width")  # besides coefficients: lip gap and change of lip width over the eye distance


@dataclass(frozen=True)
class Table:
    """Fitted parameters.

    Attributes:
        targets: (U, C) of every unit for `CHANNELS`.
        strength, attack, decay: (U, G): a, log l and log r of the formula; times in s.
        core, lag, power: (G,): f, d and p.
        effort: (G,) share by which targets grow with 10 dB of loudness over the utterance's usual.
    """

    targets: torch.Tensor
    strength: torch.Tensor
    attack: torch.Tensor
    decay: torch.Tensor
    core: torch.Tensor
    lag: torch.Tensor
    power: torch.Tensor
    effort: torch.Tensor


def group_of(channel: str) -> int:
    """Number of the group of channels that move together."""
    if channel == "gap" or channel.startswith(("mouthLowerDown", "mouthUpperUp", "mouthClose")):
        return GROUPS.index("opening")
    if channel.startswith("jaw"):
        return GROUPS.index("jaw")
    if channel.startswith(("mouthPress", "mouthRoll", "mouthShrug", "mouthFrown")):
        return GROUPS.index("contact")
    return GROUPS.index("width")


CHANNEL_GROUPS = tuple(group_of(channel) for channel in CHANNELS)


def write_table(path: Path, table: Table) -> None:
    """Write as JSON that a person can read and change."""
    rows = {
        unit: {
            "targets": {
                c: round(v, 4) for c, v in zip(CHANNELS, table.targets[i].tolist(), strict=True) if abs(v) >= 5e-5
            },
            **{k: [round(v, 3) for v in getattr(table, k)[i].tolist()] for k in ("strength", "attack", "decay")},
        }
        for i, unit in enumerate(UNITS)
    }
    shared = {k: [round(v, 4) for v in getattr(table, k).tolist()] for k in ("core", "lag", "power", "effort")}
    text = json.dumps({"groups": GROUPS, **shared, "units": rows}, ensure_ascii=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8")


@cache
def load_table() -> Table:
    """The shipped table."""
    text = (resources.files(__package__) / "coarticulation.json").read_text(encoding="utf-8")
    data = json.loads(text)
    rows = [data["units"][unit] for unit in UNITS]
    return Table(
        torch.tensor([[row["targets"].get(c, 0.0) for c in CHANNELS] for row in rows]),
        *(torch.tensor([row[k] for row in rows]) for k in ("strength", "attack", "decay")),
        *(torch.tensor(data[k]) for k in ("core", "lag", "power", "effort")),
    )


@dataclass(frozen=True)
class Score:
    """Phones as the model needs them: parts with times.

    Attributes:
        shares: (N, U) of the units of each part; rows sum to 1.
        onset, offset: (N,) s.
        owner: (N,) number of the phone that each part belongs to.
    """

    shares: np.ndarray
    onset: np.ndarray
    offset: np.ndarray
    owner: np.ndarray


def score_phones(phones: Sequence[Phone]) -> Score:
    """Split phones into parts; the time of passive ones goes to the next part, at the end to the one before."""
    shares, onset, offset, owner = [], [], [], []
    waiting = None
    for number, phone in enumerate(phones):
        parts = unit_shares(phone.symbol)
        start = phone.onset if waiting is None else waiting
        if not parts or (waiting is not None and phone.symbol == SILENCE):
            if parts and offset:
                offset[-1], waiting, start = phone.onset, None, phone.onset
            elif not parts:
                waiting = start
                continue
        waiting = None
        stop = closed_until(phone) if phone.symbol[0] in BILABIALS else phone.offset
        for part, (begin, end) in zip(parts, _halves(start, stop, len(parts)), strict=True):
            shares.append([part.get(unit, 0.0) for unit in UNITS])
            onset.append(begin)
            offset.append(end)
            owner.append(number)
    if waiting is not None and offset:
        offset[-1] = phones[-1].offset
    return Score(np.array(shares, np.float32), np.array(onset), np.array(offset), np.array(owner))


def _halves(start: float, end: float, count: int) -> list[tuple[float, float]]:
    edges = np.linspace(start, end, count + 1)
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))


def blend(
    table: Table,
    shares: torch.Tensor,
    onset: torch.Tensor,
    offset: torch.Tensor,
    loud: torch.Tensor,
    times: torch.Tensor,
    gain: torch.Tensor | float = 1.0,
) -> torch.Tensor:
    """Curves of all channels.

    Args:
        table: parameters.
        shares: (..., N, U) of units; all zero for parts that do not exist.
        onset, offset: (..., N) s.
        loud: (..., N) loudness of each part over the utterance's usual in 10 dB.
        times: (T,) s.
        gain: factor of the targets of each part, (..., N) or one number.

    Returns:
        (..., T, C) for `CHANNELS`.
    """
    half = ((offset - onset) / 2).unsqueeze(-1)
    margin = torch.clamp((1 - table.core) * half, max=MARGIN)
    begin = (onset.unsqueeze(-1) + margin + table.lag).unsqueeze(-3)  # (..., 1, N, G)
    end = (offset.unsqueeze(-1) - margin + table.lag).unsqueeze(-3)
    at = times[:, None, None]
    soft = torch.nn.functional.softplus
    before = SOFT * soft((begin - at) / SOFT) * (shares @ table.attack).exp().unsqueeze(-3)
    after = SOFT * soft((at - end) / SOFT) * (shares @ table.decay).exp().unsqueeze(-3)
    logit = (shares @ table.strength).unsqueeze(-3) - before**table.power - after**table.power
    logit = logit.masked_fill((shares.sum(-1) == 0)[..., None, :, None], -1e4)
    weights = logit.softmax(-2)  # (..., T, N, G)
    groups = torch.tensor(CHANNEL_GROUPS)
    targets = shares @ table.targets * (1 + table.effort[groups] * loud.unsqueeze(-1))  # (..., N, C)
    targets = targets * torch.as_tensor(gain).unsqueeze(-1)
    return torch.cat([weights[..., g] @ targets[..., groups == g] for g in range(len(GROUPS))], -1)[
        ..., torch.argsort(torch.argsort(groups, stable=True))
    ]


def _window(times: np.ndarray, begin: float, end: float, ramp: float) -> np.ndarray:
    """1 from begin to end, falling to 0 within `ramp` s on either side as a raised cosine."""
    outside = np.maximum(np.maximum(begin - times, times - end), 0)
    return 0.5 + 0.5 * np.cos(np.pi * np.minimum(outside / ramp, 1))


def closed_until(phone: Phone) -> float:
    """When the lips part: at the burst, and where that is not known at the usual share of the stop [s]."""
    if phone.release is not None and phone.onset < phone.release < phone.offset:
        return phone.release
    return phone.onset + {"p": 0.6, "b": 0.8}.get(phone.symbol[0], 1.0) * (phone.offset - phone.onset)


def closing(phones: Sequence[Phone], times: np.ndarray) -> np.ndarray:
    """Share of its lip opening that the mouth gives up for bilabials and labiodentals (T,), 1 is closed."""
    shut = np.zeros(len(times))
    for phone in phones:
        first = phone.symbol[:1]
        if first in BILABIALS:
            begin, end = phone.onset, closed_until(phone)
            size, least = 1.0, 0.045  # at least a frame of 25 a second sees the closure
        elif first in LABIODENTALS:
            begin, end, size, least = phone.onset, phone.offset, LABIODENTAL_SHUT, 0.02
        else:
            continue
        middle, half = (begin + end) / 2, max(end - begin - CLOSING_RAMP / 2, least) / 2
        shut = np.maximum(shut, size * _window(times, middle - half, middle + half, CLOSING_RAMP))
    return shut


def resting(phones: Sequence[Phone], times: np.ndarray) -> np.ndarray:
    """1 deep inside long silence, 0 in speech (T,)."""
    rest = np.zeros(len(times))
    for number, phone in enumerate(phones):
        if phone.symbol == SILENCE:
            begin = phone.onset + (REST_AFTER if number else -1.0)
            end = phone.offset - REST_BEFORE if number < len(phones) - 1 else np.inf
            if end > begin:
                rest = np.maximum(rest, _window(times, begin, end, REST_RAMP))
    return rest


def _between_silences(phones: Sequence[Phone], duration: float) -> tuple[list[Phone], int]:
    """Phones with silence that reaches beyond both ends of the recording, and how many were put before the first."""
    if not phones:
        return [Phone(SILENCE, -1.0, duration + 1.0)], 0
    padded = [*phones]
    if padded[-1].symbol == SILENCE:
        padded[-1] = replace(padded[-1], offset=max(padded[-1].offset, duration) + 1.0)
    else:
        padded.append(Phone(SILENCE, padded[-1].offset, max(padded[-1].offset, duration) + 1.0))
    start = min(padded[0].onset, 0.0) - 1.0
    if padded[0].symbol == SILENCE:
        padded[0] = replace(padded[0], onset=start)
        return padded, 0
    return [Phone(SILENCE, start, padded[0].onset), *padded], 1


def mouth_curves(
    phones: Sequence[Phone],
    fps: float,
    frames: int,
    head: Head,
    gain: float | np.ndarray = 1.0,
    loudness: np.ndarray | None = None,
    table: Table | None = None,
) -> np.ndarray:
    """ARKit coefficients of the mouth that speaks these phones.

    Args:
        phones: in order of time; before the first and after the last there is silence.
        fps: frames a second; frame k is at k / fps s.
        frames: T.
        head: whose lips are fitted (as `captures.on_head` does).
        gain: size of the movements, one number or one of each phone (P,); closures stay closed.
        loudness: (P,) of each phone in dB relative to the utterance's usual; None is the usual.
        table: parameters, None for the shipped ones.

    Returns:
        (T, 52) float32 in [0, 1].

    Raises:
        InputError: a phone's symbol is not known.
    """
    table = table or load_table()
    duration = frames / fps
    padded, lead = _between_silences(phones, duration)
    score = score_phones(padded)
    inner = slice(lead, lead + len(phones))
    by_phone = np.zeros((2, len(padded)))  # gain - 1 and loudness
    by_phone[0, inner] = np.broadcast_to(np.asarray(gain), len(phones)) - 1
    if loudness is not None:
        by_phone[1, inner] = np.clip(np.asarray(loudness) / 10, -1.5, 1.5)
    sizes, loud = torch.from_numpy(by_phone[:, score.owner]).float()
    times = np.arange(frames) / fps
    with torch.no_grad():
        sized = blend(
            table,
            torch.from_numpy(score.shares),
            torch.from_numpy(score.onset).float(),
            torch.from_numpy(score.offset).float(),
            loud,
            torch.from_numpy(times).float(),
            1 + sizes,
        ).numpy()
    awake = 1 - resting(padded, times)[:, None]
    sized *= awake
    shut = 1 - closing(padded, times)
    weights = np.zeros((frames, len(ARKIT_NAMES)), np.float32)
    for column, channel in enumerate(MOUTH):
        weights[:, ARKIT_INDEX[channel]] = sized[:, column]
    for channel in ("mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight"):
        weights[:, ARKIT_INDEX[channel]] *= shut
    gap = CLOSED_GAP + np.maximum(sized[:, CHANNELS.index("gap")], 0) * shut
    weights = match_width(np.clip(weights, 0, 1), sized[:, CHANNELS.index("width")], head)
    return close_lips(weights, gap, head).astype(np.float32)
