"""Long recordings through a network in windows of bounded size."""

from collections.abc import Callable, Sequence

import torch


def windowed(
    network: Callable[..., Sequence[torch.Tensor]], inputs: Sequence[torch.Tensor], core: int, context: int
) -> tuple[torch.Tensor, ...]:
    """Run a network over a recording window by window, each with some context on both sides.

    Args:
        network: called with tensors (1, t, ...), gives tensors (1, t, ...).
        inputs: tensors (T, ...) of the same T >= 1.
        core: frames kept of a window; windows start at multiples of it.
        context: further frames that the network sees at both ends.

    Returns:
        tensors (T, ...).
    """
    total = len(inputs[0])
    pieces = []
    for start in range(0, total, core):
        begin, end = max(0, start - context), min(total, start + core + context)
        outputs = network(*(x[begin:end].unsqueeze(0) for x in inputs))
        keep = slice(start - begin, min(start + core, total) - begin)
        pieces.append(tuple(y[0, keep] for y in outputs))
    return tuple(torch.cat(p) for p in zip(*pieces, strict=True))
