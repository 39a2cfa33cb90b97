"""What the encoder's arithmetic alone would take, and a peer's encoder: prints one JSON object.

Each frame of the sound is counted once (windows overlap, which is the program's own choice), attention over one window.
The rate is measured with the same products, shapes and dtype, and nothing else.
"""

import json
import time
from collections.abc import Callable

import torch


def products(config: dict, frames: int) -> list[tuple[int, tuple[int, ...], tuple[int, ...]]]:
    """How often, and the shapes of both factors, for one window of `frames`; the convolutions as products."""
    sizes = config["whisper"]
    width, inner, heads = sizes["d_model"], sizes["encoder_ffn_dim"], sizes["encoder_attention_heads"]
    layers, head = max(config["taps"]), width // heads
    return [
        (1, (2 * frames, 3 * sizes["num_mel_bins"]), (3 * sizes["num_mel_bins"], width)),
        (1, (frames, 3 * width), (3 * width, width)),
        (4 * layers, (frames, width), (width, width)),
        (layers, (heads, frames, head), (heads, head, frames)),
        (layers, (heads, frames, frames), (heads, frames, head)),
        (layers, (frames, width), (width, inner)),
        (layers, (frames, inner), (inner, width)),
    ]


def fastest(work: Callable[[], object], times: int = 7, clock: Callable[[], float] = time.perf_counter) -> float:
    """Least seconds of some runs after a first one; `time.process_time` leaves out what others do to the machine."""
    work()
    found = []
    for _ in range(times):
        begin = clock()
        work()
        found.append(clock() - begin)
    return min(found)


@torch.inference_mode()
def main() -> None:
    from sedtalker_cli.model.checkpoint import load_config
    from sedtalker_cli.model.encoder import WindowPlan
    from sedtalker_cli.model.weights import weights_dir

    config = load_config(weights_dir("encoder"), "encoder")
    window = WindowPlan(**config["window"])
    seconds = macs = 0.0
    for count, left, right in products(config, window.frames):
        a, b = torch.randn(left), torch.randn(right)
        ways = [lambda a=a, b=b: a @ b]
        if b.ndim == 2:  # oneDNN takes another path than MKL on some processors: the faster one is the limit
            packed = b.T.contiguous().to_mkldnn()
            ways.append(lambda a=a.to_mkldnn(), b=packed: torch._C._nn.mkldnn_linear(a, b))
        seconds += count * min(map(fastest, ways))
        macs += count * a.numel() * right[-1]
    found = {
        "limit_share": seconds / window.length,
        "gigamacs": macs / window.length / 1e9,
        "rate": macs / seconds / 1e9,
    }
    print(json.dumps({**found, **peer(window.length)}))


def peer(length: float) -> dict:
    """WavLM base (the encoder of SEDTalker's authors), of `transformers`, random weights: share of real time."""
    from transformers import WavLMConfig, WavLMModel

    model = WavLMModel(WavLMConfig()).eval()
    sound = torch.randn(1, round(16_000 * length))
    return {"peer": "WavLM base (transformers)", "peer_share": fastest(lambda: model(sound), 2) / length}


if __name__ == "__main__":
    main()
