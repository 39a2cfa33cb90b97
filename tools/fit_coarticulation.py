"""Fits the coarticulation model to captured motion and says how well generated and captured curves agree.

    python tools/align_words.py --captures grid_s1 --out PHONES
    python tools/fit_coarticulation.py --captures grid_s1 --phones PHONES

The loss is the squared error of every channel in units of its deviation, plus RIDGE times the squared distance of each
unit's parameters from the mean of its class, so that rare phones resemble their class.
"""

import argparse
import math
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch

from sedtalker_cli.audio.reading import load_audio
from sedtalker_cli.data.capture_sources import read_grid
from sedtalker_cli.data.captures import CLOSED_GAP, Capture, on_head
from sedtalker_cli.data.coarticulation.dominance import (
    CHANNELS,
    GROUPS,
    Table,
    blend,
    load_table,
    mouth_curves,
    score_phones,
    write_table,
)
from sedtalker_cli.data.coarticulation.generated import phone_loudness
from sedtalker_cli.data.coarticulation.visemes import CLASSES, REPLACED, UNITS
from sedtalker_cli.evaluation.metrics.lipsync import best_lag, correlation, jitter
from sedtalker_cli.face.arkit import ARKIT_INDEX, MOUTH
from sedtalker_cli.face.head import Head, load_head
from sedtalker_cli.face.regions import CLOSED, lip_gap, lip_width
from sedtalker_cli.formats.phones import SILENCE, Phone, read_phones

RIDGE = 0.02
MAIN = {"jawOpen": 3.0, "gap": 4.0, "width": 3.0, "mouthPucker": 2.0}  # weights of channels beside 1
RATES = (math.log(1 / 0.13), math.log(1 / 0.012))  # no sound reaches further than about 0.25 s: words are few here
LEAST_SPREAD = 0.01  # channels that hardly move must not cost much


def measured(capture: Capture) -> np.ndarray:
    """(T, C) for `CHANNELS`."""
    columns = [capture.weights[:, ARKIT_INDEX[name]] for name in MOUTH]
    return np.stack([*columns, np.maximum(capture.gap - CLOSED_GAP, 0), capture.width - capture.rest_width], 1)


def padded(arrays: list[np.ndarray]) -> torch.Tensor:
    """(B, longest, ...) float32 with zeros after the end."""
    out = np.zeros((len(arrays), max(map(len, arrays)), *arrays[0].shape[1:]), np.float32)
    for row, array in zip(out, arrays, strict=True):
        row[: len(array)] = array
    return torch.from_numpy(out)


class Data:
    """Captures with their phones as tensors.

    Args:
        captures: of one frame rate.
        phones: of each.
    """

    def __init__(self, captures: list[Capture], phones: list[list[Phone]]):
        scores = [score_phones(p) for p in phones]
        loud = [phone_loudness(p, load_audio(c.audio)) for c, p in zip(captures, phones, strict=True)]
        self.shares = padded([s.shares for s in scores])
        self.onset, self.offset = padded([s.onset for s in scores]), padded([s.offset for s in scores])
        self.loud = padded([np.clip(x[s.owner] / 10, -1.5, 1.5) for x, s in zip(loud, scores, strict=True)])
        self.targets = padded([measured(c) for c in captures])
        self.mask = padded([np.ones(len(c.weights)) for c in captures])
        self.learn_rest(captures[0].fps, [first_sound(p) for p in phones])
        self.times = torch.arange(self.targets.shape[1]) / captures[0].fps

    def learn_rest(self, fps: float, starts: list[float]) -> None:
        """Put the mouth to rest before speech.

        The speaker often holds the mouth open long before the first word, which is a habit of the recording session and
        would be taken for anticipation by the sounds.
        """
        for row, start in enumerate(starts):
            rest, heard = max(0, round((start - 0.35) * fps)), max(0, round((start - 0.12) * fps))
            self.targets[row, :rest] = 0
            self.mask[row, rest:heard] = 0


def first_sound(phones: list[Phone]) -> float:
    """Onset of speech in s."""
    return next((p.onset for p in phones if p.symbol != SILENCE), 0.0)


def start_table(data: Data) -> Table:
    """Targets from the frames inside each unit, one dominance for all."""
    inside = (data.times[None, :, None] >= data.onset[:, None]) & (data.times[None, :, None] < data.offset[:, None])
    share = torch.einsum("btn,bnu->btu", inside.float(), data.shares) * data.mask[..., None]
    total = torch.einsum("btu,btc->uc", share, data.targets)
    targets = total / (share.sum((0, 1))[:, None] + 5)
    size = (len(UNITS), len(GROUPS))
    rate = torch.full(size, math.log(1 / 0.07))
    shared = [torch.full((len(GROUPS),), value) for value in (0.5, 0.0, 1.2, 0.0)]
    return Table(targets, torch.zeros(size), rate, rate.clone(), *shared)


def fit(data: Data, epochs: int, batch: int = 96) -> Table:
    """Gradient descent on all parameters."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    table = start_table(data)
    for field in fields(table):
        getattr(table, field.name).requires_grad_(True)
    spread = data.targets[data.mask > 0].std(0).clamp(min=LEAST_SPREAD)
    weight = torch.tensor([MAIN.get(c, 0.3) for c in CHANNELS]) / spread**2
    members = torch.zeros(len(CLASSES), len(UNITS))
    for row, units in enumerate(CLASSES.values()):
        members[row, [UNITS.index(u) for u in units]] = 1 / len(units)
    centre = members.bool().float().T @ members  # (U, U) mean of a unit's class
    groups = [
        {"params": [table.targets], "lr": 0.004},
        {"params": [table.strength, table.attack, table.decay], "lr": 0.04},
        {"params": [table.core, table.lag, table.power, table.effort], "lr": 0.01},
    ]
    optimizer = torch.optim.Adam(groups)
    steps = epochs * math.ceil(len(data.shares) / batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for epoch in range(epochs):
        total, order = 0.0, rng.permutation(len(data.shares))
        for rows in np.array_split(order, math.ceil(len(order) / batch)):
            found = blend(table, data.shares[rows], data.onset[rows], data.offset[rows], data.loud[rows], data.times)
            error = ((found - data.targets[rows]) ** 2 * weight).sum(-1) * data.mask[rows]
            loss = error.sum() / data.mask[rows].sum() / weight.mul(spread**2).sum()
            far = ((table.targets - centre @ table.targets) / spread).square().mean()
            for name in ("strength", "attack", "decay"):
                values = getattr(table, name)
                far = (
                    far + (values - centre @ values).square().mean() + 0.05 * values.sub(values.mean(0)).square().mean()
                )
            optimizer.zero_grad()
            (loss + RIDGE * far).backward()
            optimizer.step()
            schedule.step()
            with torch.no_grad():
                table.targets[0] = 0  # silence rests
                table.attack.clamp_(*RATES)
                table.decay.clamp_(*RATES)
                table.power.clamp_(1.0, 2.0)
                table.core.clamp_(0.0, 1.0)
                table.lag.clamp_(-0.08, 0.08)
                table.effort.clamp_(0.0, 0.5)
            total += loss.item() * len(rows)
        if epoch % 5 == 4 or epoch == 0:
            print(f"epoch {epoch + 1}: unexplained {total / len(order):.4f}", flush=True)
    with torch.no_grad():
        for unit, others in REPLACED.items():
            for name in ("targets", "strength", "attack", "decay"):
                values = getattr(table, name)
                values[UNITS.index(unit)] = values[[UNITS.index(u) for u in others]].mean(0)
    return Table(*(getattr(table, f.name).detach() for f in fields(table)))


def agreement(
    captures: list[Capture], phones: list[list[Phone]], head: Head, table: Table, loud: bool = True
) -> dict[str, float]:
    """Generated against captured curves from the first word to the last: r, deviation ratio, lag, closures, jitter."""
    pooled: dict[str, list[list[np.ndarray]]] = {}
    shut, shut_captured, shake = [], [], []
    for capture, spoken in zip(captures, phones, strict=True):
        target = on_head(capture, head)
        levels = phone_loudness(spoken, load_audio(capture.audio)) if loud else None
        found = mouth_curves(spoken, capture.fps, len(target), head, loudness=levels, table=table)
        vertices = head.vertices(found)
        gap = lip_gap(vertices, head)
        pairs = {
            "jawOpen": (capture.weights[:, ARKIT_INDEX["jawOpen"]], found[:, ARKIT_INDEX["jawOpen"]]),
            "lip gap": (capture.gap, gap),
            "lip width": (capture.width - capture.rest_width, lip_width(vertices, head)),
            "pucker": (capture.weights[:, ARKIT_INDEX["mouthPucker"]], found[:, ARKIT_INDEX["mouthPucker"]]),
            "pucker on head": (target[:, ARKIT_INDEX["mouthPucker"]], found[:, ARKIT_INDEX["mouthPucker"]]),
            "funnel": (capture.weights[:, ARKIT_INDEX["mouthFunnel"]], found[:, ARKIT_INDEX["mouthFunnel"]]),
        }
        ends = [p.offset for p in spoken if p.symbol != SILENCE]
        words = slice(round((first_sound(spoken) - 0.1) * capture.fps), round((ends[-1] + 0.2) * capture.fps))
        for name, pair in pairs.items():
            for column, inside, values in zip(
                pooled.setdefault(f"{name}, whole clip", [[], []]), pooled.setdefault(name, [[], []]), pair, strict=True
            ):
                column.append(values)
                inside.append(values[words])
        shake.append([jitter(x, capture.fps) for x in pairs["jawOpen"]])
        for phone in spoken:
            if phone.symbol in ("b", "p", "m"):
                part = slice(max(0, round(phone.onset * capture.fps) - 1), round(phone.offset * capture.fps) + 2)
                shut.append(gap[part].min() < CLOSED)
                shut_captured.append(capture.gap[part].min() < CLOSED)
    scores = {}
    for name, (truth, made) in pooled.items():
        a, b = np.concatenate(truth), np.concatenate(made)
        scores[f"{name} r"] = correlation(a, b)
        scores[f"{name} deviation ratio"] = float(b.std() / a.std())
    a, b = (np.concatenate(x) for x in pooled["jawOpen"])
    scores["jawOpen lag [frames]"] = best_lag(a, b, 5)[0]
    scores |= {"closures": float(np.mean(shut)), "closures captured": float(np.mean(shut_captured))}
    scores["jitter ratio"] = float(np.mean([s[1] for s in shake]) / np.mean([s[0] for s in shake]))
    return scores


def inside_share(captures: list[Capture], phones: list[list[Phone]]) -> float:
    """Check of the alignment: share of b, p, m with the least lip gap of +-0.1 s inside them (+-20 ms, half a step)."""
    found = []
    for capture, spoken in zip(captures, phones, strict=True):
        times = np.arange(len(capture.gap)) / capture.fps
        for phone in spoken:
            near = (times >= phone.onset - 0.1) & (times <= phone.offset + 0.1)
            if phone.symbol in ("b", "p", "m") and near.any():
                least = capture.gap[near].min() + 0.003  # all frames that are as good as closed
                closed = times[near][capture.gap[near] <= least]
                found.append(bool(((closed >= phone.onset - 0.02) & (closed <= phone.offset + 0.02)).any()))
    return float(np.mean(found))


def main() -> None:
    """Fits, writes the table, prints agreement on the validation clips."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--captures", type=Path, required=True, help="folder of the tracked GRID clips")
    parser.add_argument("--phones", type=Path, required=True, help="folder of NAME.csv with the clips' phone times")
    parser.add_argument("--epochs", type=int, default=60, help="0 only measures the shipped table")
    parser.add_argument("--split", default="val", help="part of the clips to measure on")
    parser.add_argument("--out", type=Path, default=Path("sedtalker_cli/data/coarticulation/coarticulation.json"))
    args = parser.parse_args()
    captures = [c for c in read_grid(args.captures) if (args.phones / f"{c.name}.csv").is_file()]
    phones = {c.name: read_phones(args.phones / f"{c.name}.csv") for c in captures}

    def part(split: str) -> tuple[list[Capture], list[list[Phone]]]:
        chosen = [c for c in captures if c.split == split]
        return chosen, [phones[c.name] for c in chosen]

    for split in ("train", args.split):
        print(f"{split}: bilabials around the least lip gap {inside_share(*part(split)):.3f}", flush=True)
    if args.epochs:
        table = fit(Data(*part("train")), args.epochs)
        write_table(args.out, table)
    else:
        table = load_table()
    for name, value in agreement(*part(args.split), load_head(), table).items():
        print(f"{name:36s} {value:.3f}")


if __name__ == "__main__":
    main()
