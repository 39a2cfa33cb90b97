"""What the animator hears, and its two plain paths to the mouth: solved before the network is trained."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from sedtalker_cli.clock import HOP
from sedtalker_cli.data.coarticulation.dominance import score_phones
from sedtalker_cli.face.arkit import IS_MOUTH, MOUTH
from sedtalker_cli.formats.phones import Phone
from sedtalker_cli.model.layers.articulation import Articulation
from sedtalker_cli.training.animator.motion import MotionSet

PASSES, FRAMES, RATE, DECAY = 4, 2048, 1e-3, 1.0  # of the probe for sounds: epochs, batch, learning rate, weight decay
PENALTY = {"linear": 3e3, "table": 2e4}  # of the paths' regressions, a draw; of the linear one over a component's power
OTHERS = {"linear": 0.2, "table": 0.05}  # weight of a source that measured only some of the mouth, in each regression
SHARED = "jawOpen"  # what such a source has a say in: rigs round and widen lips each in its own way


@dataclass(frozen=True)
class Drawn:
    """An example of a draw: features (T, L, D), mouth (T, M), which of its channels were measured, and its style."""

    features: torch.Tensor
    mouth: np.ndarray
    known: np.ndarray
    style: str


def drawn(examples: MotionSet) -> Iterator[Drawn]:
    """All examples of a draw."""
    for row, style in enumerate(examples.styles):
        part = slice(int(examples.bounds[row]), int(examples.bounds[row + 1]))
        features = torch.from_numpy(np.array(examples.features[part])).float()
        yield Drawn(features, examples.mouth[part][:, IS_MOUTH], examples.known[row][IS_MOUTH], style)


def set_whitening(articulation: Articulation, examples: MotionSet) -> torch.Tensor:
    """Principal components of every tenth frame, each brought to the same size; returns their power (V,)."""
    frames = torch.from_numpy(np.array(examples.features[::10])).float().flatten(1)
    mean, deviation = frames.mean(0), frames.std(0).clamp(min=1e-4)
    values = (frames - mean) / deviation
    power, axes = torch.linalg.eigh(values.T @ values / len(values))
    kept = len(articulation.whiten)
    power, axes = power.flip(0)[:kept], axes.flip(1)[:, :kept]
    signs = torch.sign(axes[axes.abs().argmax(0), torch.arange(kept)])  # the solver may turn an axis either way
    power = power.clamp(min=1e-6)
    articulation.mean.copy_(mean)
    articulation.whiten.copy_((axes * signs / power.sqrt()).T / deviation)
    return power


@torch.enable_grad()
def set_probe(
    articulation: Articulation, draws: Sequence[MotionSet], phones: Sequence[Sequence[Phone]], style: str, seed: int
) -> float:
    """Logistic regression of sounds on frames.

    Args:
        articulation: its `probe` is set.
        draws: the first as recorded, the others varied; a varied recording's length tells its pace.
        phones: of the first examples of `style` in each draw, in their order.
        style: of examples with phone times.
        seed: of the order of frames.

    Returns:
        Share of frames whose likeliest sound is right, on the frames that it learned from.
    """
    inputs, labels = [], []
    lengths: list[int] = []
    for number, draw in enumerate(draws):
        spoken = (example for example in drawn(draw) if example.style == style)
        for index, (said, example) in enumerate(zip(phones, spoken, strict=False)):
            frames = len(example.features)
            if number == 0:
                lengths.append(frames)
            inputs.append(example.features.flatten(1).half())
            labels.append(sounds_of_frames(said, frames, frames / lengths[index]))
    x, y = torch.cat(inputs), torch.cat(labels)
    mean, deviation = x[::7].float().mean(0), x[::7].float().std(0).clamp(min=1e-4)
    generator = torch.Generator().manual_seed(seed)
    layer = torch.nn.utils.skip_init(torch.nn.Linear, x.shape[1], y.shape[1])
    torch.nn.init.zeros_(layer.weight), torch.nn.init.zeros_(layer.bias)
    optimizer = torch.optim.AdamW(layer.parameters(), RATE, weight_decay=DECAY)
    for epoch in range(PASSES):
        optimizer.param_groups[0]["lr"] = RATE * (1 - epoch / PASSES)
        for rows in torch.randperm(len(x), generator=generator).split(FRAMES):
            loss = F.cross_entropy(layer((x[rows].float() - mean) / deviation), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        weight = layer.weight / deviation
        articulation.probe.copy_(weight)
        articulation.probe_bias.copy_(layer.bias - weight @ mean)
        some = slice(None, None, 17)
        found = x[some].float() @ articulation.probe.T + articulation.probe_bias
    return float((found.argmax(-1) == y[some].argmax(-1)).float().mean())


def sounds_of_frames(phones: Sequence[Phone], frames: int, pace: float) -> torch.Tensor:
    """Shares of sounds (T, U) at the frames of a recording that lasts `pace` times as long as its phones."""
    score = score_phones(phones)
    times = (np.arange(frames) + 0.5) * HOP / pace
    part = np.clip(np.searchsorted(score.onset, times, side="right") - 1, 0, len(score.onset) - 1)
    return torch.from_numpy(score.shares[part]).float()


class _Regression:
    """Ridge regression from what frames hear to the mouth, sources that measured all of it and others apart."""

    def __init__(self, inputs: int, outputs: int):
        self.square = torch.zeros(2, inputs + 1, inputs + 1, dtype=torch.float64)
        self.product = torch.zeros(2, inputs + 1, outputs, dtype=torch.float64)
        self.channels = torch.zeros(2, outputs, dtype=torch.bool)

    def add(self, x: torch.Tensor, example: Drawn) -> None:
        partly = int(not example.known.all())
        x = torch.cat([x, x.new_ones(len(x), 1)], 1)
        self.square[partly] += (x.T @ x).double()
        self.product[partly] += (x.T @ torch.from_numpy(example.mouth)).double()
        self.channels[partly] |= torch.from_numpy(example.known)

    def solve(self, penalty: torch.Tensor, others: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Weights (inputs, M) and bias (M,), for a penalty of each input and the weight of other sources."""
        shared = self.channels.all(0) & torch.tensor([name == SHARED for name in MOUTH])
        ridge = torch.diag(torch.cat([penalty.double(), torch.tensor([1e-3], dtype=torch.float64)]))
        found = torch.linalg.solve(self.square[0] + ridge, self.product[0])
        square, product = (x[0] + others * x[1] for x in (self.square, self.product))
        found[:, shared] = torch.linalg.solve(square + ridge, product[:, shared])
        return found[:-1].float(), found[-1].float()


def set_paths(
    articulation: Articulation, draws: Sequence[MotionSet], sources: Sequence[str], power: torch.Tensor
) -> None:
    """Both regressions on captured motion of `sources`, in all draws."""
    outputs = int(IS_MOUTH.sum())
    kernels = {"linear": articulation.linear, "table": articulation.table}
    found = {name: _Regression(kernel[0].numel(), outputs) for name, kernel in kernels.items()}
    for draw in draws:
        for example in drawn(draw):
            if example.style not in sources or not example.known.any():
                continue
            voice, logits = articulation.hear(example.features[None])
            voice = voice - articulation.usual_voice([example.features])
            for name, x in (("linear", voice), ("table", logits)):
                if x.shape[-1]:
                    found[name].add(around(x[0], kernels[name].shape[-1]), example)
    for name, kernel in kernels.items():
        if kernel.shape[1]:
            size = power if name == "linear" else torch.ones(kernel.shape[1])
            weights, bias = found[name].solve(PENALTY[name] * len(draws) / size.repeat(kernel.shape[-1]), OTHERS[name])
            kernel.copy_(weights.unflatten(0, (kernel.shape[-1], -1)).permute(2, 1, 0))
            getattr(articulation, f"{name}_bias").copy_(bias)


def around(x: torch.Tensor, count: int) -> torch.Tensor:
    """Every second frame around each of x (T, V), `count` of them, the ends held: (T, count x V)."""
    rows = torch.arange(len(x))
    return torch.cat([x[(rows + 2 * k - count + 1).clamp(0, len(x) - 1)] for k in range(count)], 1)


@torch.no_grad()
def settle(
    articulation: Articulation,
    draws: Sequence[MotionSet],
    phones: Sequence[Sequence[Phone]],
    styles: Sequence[str],
    generated: str,
    seed: int,
    log: Callable[[str], None],
) -> None:
    """Set all of what is linear.

    Args:
        articulation: to be set.
        draws: the first as recorded.
        phones: of the recordings with phone times, in the order of the draws.
        styles: of the animator.
        generated: the style of recordings with phone times.
        seed: of the probe.
        log: called with a line.
    """
    power = set_whitening(articulation, draws[0])
    if phones:
        right = set_probe(articulation, draws, phones, generated, seed)
        log(f"sounds told apart in {right:.1%} of frames")
    set_paths(articulation, draws, [style for style in styles if style != generated] or [generated], power)
