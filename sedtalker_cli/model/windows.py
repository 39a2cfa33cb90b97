"""Long recordings through a network in windows of bounded size."""

from collections.abc import Callable, Sequence

import torch

from sedtalker_cli.model.features import Features


def windowed(
    network: Callable[..., Sequence[torch.Tensor]], inputs: Sequence[Features], core: int, context: int, stride: int = 1
) -> tuple[torch.Tensor, ...]:
    """Run a network over a recording window by window, each with some context on both sides.

    Args:
        network: called with tensors (1, t, ...), gives tensors (1, ceil(t / stride), ...).
        inputs: tensors, or features on disk, (T, ...) of the same T >= 1.
        core: frames kept of a window; windows start at multiples of it.
        context: further frames that the network sees at both ends.
        stride: frames for one of the output; core and context are multiples of it.

    Returns:
        tensors (ceil(T / stride), ...).
    """
    total = len(inputs[0])
    # Filled in place: pieces kept from every window would lie between the memory that windows free, and hold it.
    found: tuple[torch.Tensor, ...] = ()
    for start in range(0, total, core):
        stop = min(start + core, total)
        begin, end = max(0, start - context), min(total, stop + context)
        outputs = network(*(x[begin:end].unsqueeze(0) for x in inputs))
        found = found or tuple(y.new_empty(-(-total // stride), *y.shape[2:]) for y in outputs)
        first, last = start // stride, -(-stop // stride)
        for whole, y in zip(found, outputs, strict=True):
            whole[first:last] = y[0, first - begin // stride : last - begin // stride]
    return found
