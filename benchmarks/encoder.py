"""The encoder in other ways: ONNX Runtime, half precision, 8-bit integers, several short recordings in one batch."""

import json
import time
import warnings
from functools import partial

import torch

from benchmarks import limit
from benchmarks.common import Row, ask, speech

CLIP, BATCH = 3.0, 8  # seconds, clips
fastest = partial(limit.fastest, clock=time.process_time)  # one thread: processor seconds


def rows() -> list[Row]:
    """What each way gains on one core, and how far its features are off."""
    found = ask("encoder")
    window = f"{found['window']:.0f} ms for a window of {found['length']:.0f} s in PyTorch, fp32, one core"
    return [
        Row(
            *("encoder", f"encoder in {name}, against fp32", found[name]["gain"], "x"),
            note=f"{window}; features differ by {100 * found[name]['error']:.2g} % (root mean square); {used}",
        )
        for name, used in (
            ("ONNX Runtime", "`--precision auto`, the default"),
            ("bf16", "`--precision bf16`"),
            ("int8", "not used: too far off"),
        )
    ] + [
        Row(
            *("encoder", f"{BATCH} clips of {CLIP:.0f} s in one batch, against one by one", found["batch"], "x"),
            note="encoder alone, one core; not used: files keep to themselves",
        )
    ]


@torch.inference_mode()
def main() -> None:
    """Prints one JSON object."""
    from sedtalker_cli.model.backend import fastest as fastest_network
    from sedtalker_cli.model.encoder import SpeechEncoder
    from sedtalker_cli.model.weights import weights_dir

    torch.set_num_threads(1)
    encoder = SpeechEncoder.load(weights_dir("encoder"))
    length = encoder.plan.length
    sound, rate = speech(max(length, CLIP * BATCH))
    if rate != 16_000:
        raise SystemExit("the examples have another rate than the encoder")
    window, clips = torch.from_numpy(sound[: round(length * rate)]), torch.from_numpy(sound)
    clips = clips[: round(CLIP * BATCH * rate)].reshape(BATCH, -1)
    full, seconds = encoder(window), fastest(lambda: encoder(window))
    found = {"window": 1000 * seconds, "length": length}

    def compare(name: str) -> None:
        error = ((encoder(window) - full).square().mean() / full.square().mean()).sqrt()
        found[name] = {"gain": seconds / fastest(lambda: encoder(window)), "error": float(error)}

    found["batch"] = fastest(lambda: [encoder(clip) for clip in clips]) / fastest(lambda: encoder(clips))
    encoder.precision = "bf16"
    compare("bf16")
    encoder.precision, reference = "fp32", encoder.network
    encoder.network = fastest_network(reference)
    compare("ONNX Runtime")
    encoder.network = reference
    warnings.simplefilter("ignore")  # PyTorch moves its 8-bit tools elsewhere
    encoder.network = torch.ao.quantization.quantize_dynamic(encoder.network, {torch.nn.Linear}, torch.qint8)
    compare("int8")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
