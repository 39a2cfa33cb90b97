"""A Mamba block of ours against others with the same weights.

Peers are the path of `transformers` without its own kernels, and mambapy's parallel scan if it is installed.
"""

import json
import sys

import torch
from torch import nn

from benchmarks.common import Row, ask
from benchmarks.limit import fastest

WIDTH, STATE = 128, 8  # of the animator


def transformers_block() -> nn.Module:
    """`MambaMixer`, which takes its path in plain PyTorch without fused kernels."""
    from transformers import MambaConfig
    from transformers.models.mamba.modeling_mamba import MambaMixer

    return MambaMixer(MambaConfig(hidden_size=WIDTH, state_size=STATE, use_bias=False), layer_idx=0)


def mambapy_block() -> nn.Module | None:
    """mambapy's block."""
    try:
        from mambapy.mamba import MambaBlock, MambaConfig
    except ImportError:
        return None
    return MambaBlock(MambaConfig(d_model=WIDTH, n_layers=1, d_state=STATE))


def measure(block: nn.Module, x: torch.Tensor) -> dict[str, float]:
    """Seconds of forward, and of forward with backward."""

    def forward() -> None:
        with torch.no_grad():
            block(x)

    def both() -> None:
        block(x).sum().backward()

    return {"forward": fastest(forward, 3), "forward+backward": fastest(both, 3)}


def rows(frames: int) -> list[Row]:
    """Times of our block beside those of others."""
    found = ask("scan", frames)
    ours, peers = found.pop("ours"), found
    lines = []
    for what, seconds in ours.items():
        beside = ", ".join(f"{name} {1000 * peer[what]:.0f} ms" for name, peer in peers.items())
        differences = ", ".join(f"{name} differs by {peer['difference']:.1e}" for name, peer in peers.items())
        name = f"Mamba block, {frames} frames, {what}"
        lines.append(Row("scan", name, 1000 * seconds, "ms", peer=beside, note=f"same weights; {differences}"))
    return lines


def main() -> None:
    """Measure in a process of its own: prints one JSON object."""
    from sedtalker_cli.model.layers.mamba import Mamba

    torch.manual_seed(0)
    x = torch.randn(1, int(sys.argv[1]), WIDTH)
    ours = Mamba(WIDTH, STATE)
    found, shown = {"ours": measure(ours, x)}, ours(x)
    for name, make in (("transformers", transformers_block), ("mambapy", mambapy_block)):
        block = make()
        if block is None:
            continue
        block.load_state_dict(ours.state_dict())
        block.eval()
        with torch.no_grad():
            difference = (block(x) - shown).abs().max().item()
        found[name] = {**measure(block, x), "difference": difference}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
