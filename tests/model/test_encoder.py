"""The speech encoder: against transformers' own feature extractor and encoder; windows, frame counts, other models."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from sedtalker_cli.errors import InputError
from sedtalker_cli.model.checkpoint import checksum, fingerprint, save_checkpoint
from sedtalker_cli.model.encoder import HubLayers, SpeechEncoder, WindowPlan
from sedtalker_cli.model.layers.mel import LogMel
from sedtalker_cli.model.layers.whisper import WhisperLayers

WHISPER = {
    "d_model": 16,
    "encoder_attention_heads": 2,
    "encoder_ffn_dim": 32,
    "num_mel_bins": 80,
    "max_source_positions": 1500,
}
COUNTS = (1, 160, 319, 320, 321, 399, 400, 480, 639, 640, 641, 960, 3199, 3200, 3201, 16000, 20001)


def noise(samples: int, seed: int = 0, swell: bool = True) -> np.ndarray:
    """(N,) float32 noise, its loudness going up and down by 40 dB."""
    x = np.random.default_rng(seed).standard_normal(samples) * 0.1
    return (x * 10 ** np.sin(np.arange(samples) / 3000) if swell else x).astype(np.float32)


@pytest.fixture(scope="module")
def whisper() -> WhisperLayers:
    torch.manual_seed(0)
    network = WhisperLayers(3, (1, 3), **WHISPER).eval()
    with torch.no_grad():  # layers as they are initialised hardly change what passes through them
        for parameter in network.encoder.layers.parameters():
            parameter.add_(0.15 * torch.randn_like(parameter))
    return network


def short_windows(network, frames=20, overlap=5) -> SpeechEncoder:
    return SpeechEncoder(network, WindowPlan(frames * 0.02, overlap * 0.02), "cpu", "test", None)


class Level(nn.Module):
    """A local network: mean of every 20 ms."""

    def forward(self, waveform):
        return waveform.unflatten(1, (-1, 320)).mean(-1)[..., None, None]


class FirstSample(nn.Module):
    """The opposite of a local network: every frame of a window holds the window's first sample."""

    def forward(self, waveform):
        return waveform[:, :1].repeat(1, waveform.shape[1] // 320)[..., None, None]


# --- spectrogram


@pytest.mark.parametrize("samples", [480_000, 16_000, 1600])
def test_log_mel_equals_transformers(samples):
    from transformers import WhisperFeatureExtractor

    x = noise(min(samples, 100_000))
    padded = np.pad(x, (0, samples - len(x)))
    expected = WhisperFeatureExtractor()(padded, sampling_rate=16_000, padding=False, return_tensors="np")
    found = LogMel()(torch.from_numpy(padded)[None])
    assert found.shape == (1, 80, samples // 160)
    np.testing.assert_allclose(found[0].numpy(), expected["input_features"][0], atol=1e-4)


def test_log_mel_floors_every_recording_by_its_own_loudest_frame():
    quiet, loud = noise(16_000) * 1e-3, noise(16_000, 1)
    together = LogMel()(torch.from_numpy(np.stack([quiet, loud])))
    for row, x in enumerate((quiet, loud)):
        torch.testing.assert_close(together[row], LogMel()(torch.from_numpy(x)[None])[0])
    assert LogMel()(torch.zeros(1, 640)).isfinite().all()


# --- Whisper's layers


def test_layers_equal_transformers_encoder_on_30_seconds(whisper):
    """Tapped hidden states of a padded recording, read off transformers' encoder by hooks."""
    from transformers import WhisperConfig, WhisperFeatureExtractor
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    oracle = WhisperEncoder(WhisperConfig(encoder_layers=3, **WHISPER)).eval()
    missing = oracle.load_state_dict(whisper.encoder.state_dict(), strict=False)
    assert set(missing.missing_keys) == {"layer_norm.weight", "layer_norm.bias"} and not missing.unexpected_keys
    states = []
    for layer in oracle.layers:
        layer.register_forward_hook(lambda _, __, y: states.append(y[0] if isinstance(y, tuple) else y))
    x = noise(70_000)
    mel = WhisperFeatureExtractor()(x, sampling_rate=16_000, return_tensors="pt")["input_features"]
    with torch.no_grad():
        oracle(mel)
        found = whisper(torch.from_numpy(np.pad(x, (0, 480_000 - len(x))))[None])
    assert found.shape == (1, 1500, 2, 16) and len(states) == 3
    for tap, number in enumerate((1, 3)):
        torch.testing.assert_close(found[:, :, tap], states[number - 1], rtol=1e-4, atol=2e-4)
    assert (states[0] - states[2]).abs().max() > 1e-2  # layers can be told apart


def test_layers_run_on_the_sounds_own_length(whisper):
    """Both rows of a batch are what each gives alone, and nothing is padded to 30 s."""
    x = torch.from_numpy(np.stack([noise(6400), noise(6400, 1)]))
    with torch.no_grad():
        together = whisper(x)
        assert together.shape == (2, 20, 2, 16)
        torch.testing.assert_close(together[1:], whisper(x[1:]), rtol=1e-4, atol=1e-5)


# --- frames and windows


@pytest.mark.parametrize("samples", COUNTS)
def test_frames_cover_all_samples(whisper, samples):
    encoder = short_windows(whisper)
    features = encoder.encode([noise(samples)])
    assert features.shape == (math.ceil(samples / 320), 2, 16)
    assert features.dtype == torch.float16 and features.isfinite().all()


def test_nothing_in_nothing_out(whisper):
    encoder = short_windows(whisper)
    assert encoder.encode([]).shape == (0, 2, 16)
    assert encoder.encode([np.zeros(0, np.float32)]).shape == (0, 2, 16)


def test_one_window_takes_single_recordings_and_batches(whisper):
    encoder = short_windows(whisper)
    x = np.stack([noise(5000), noise(5000, 1)])
    together = encoder(x)
    assert together.shape == (2, 16, 2, 16) and together.dtype == torch.float32
    torch.testing.assert_close(together[0], encoder(x[0]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("samples", [3000, 6400, 6401, 11_200, 11_201, 30_000])
def test_stream_does_not_depend_on_blocks(whisper, samples):
    encoder, x = short_windows(whisper), noise(samples)
    expected = torch.cat(list(encoder.stream([x])))
    rng = np.random.default_rng(samples)
    cuts = [
        np.arange(160, samples, 160),
        np.arange(4800, samples, 4800),
        np.sort(rng.integers(0, samples, 7)),
        np.array([0, 0, samples]),
        np.array([1, samples - 1]),
    ]
    for cut in cuts:
        assert torch.equal(torch.cat(list(encoder.stream(np.split(x, cut)))), expected)
    assert torch.equal(encoder.encode(iter(np.split(x, cuts[0]))), expected.half())


def test_half_precision_is_near(whisper):
    encoder = SpeechEncoder(whisper, WindowPlan(), "cpu", "test", None)
    sound = np.random.default_rng(3).normal(0, 0.1, 16000).astype(np.float32)
    full = encoder(sound)
    encoder.precision = "bf16"
    half = encoder(sound)
    assert half.dtype == torch.float32
    error = ((half - full) ** 2).mean().sqrt() / full.std()
    assert 0 < error < 0.03


def test_progress_counts_frames(whisper):
    told = []
    features = short_windows(whisper).store([noise(30_000)], lambda *step: told.append(step), 94)
    stages, done, totals = map(list, zip(*told, strict=True))
    assert set(stages) == {"listening"} and set(totals) == {94}
    assert done == sorted(set(done)) and len(done) > 2 and done[-1] == len(features)


@pytest.mark.parametrize("samples", [100, 6400, 6401, 11_201, 40_003])
def test_windows_equal_one_shot_for_a_local_network(samples):
    x = noise(samples)
    frames = math.ceil(samples / 320)
    expected = np.pad(x, (0, frames * 320 - samples)).reshape(frames, 320).mean(1)
    found = torch.cat(list(short_windows(Level()).stream([x])))[:, 0, 0]
    np.testing.assert_allclose(found, expected, atol=1e-7)


@pytest.mark.parametrize("overlap", [0, 1, 5, 10])
def test_windows_fade_into_each_other(overlap):
    """Every window says the number of its first frame: what comes out is a stair with sloping steps."""
    x = np.repeat(np.arange(70.0), 320).astype(np.float32)
    found = torch.cat(list(short_windows(FirstSample(), 20, overlap).stream([x])))[:, 0, 0].numpy()
    hop = 20 - overlap
    starts = np.arange(0, 70 - 20 + hop, hop)
    expected = np.zeros(70)
    for start in starts[starts < 70]:
        rise = np.clip((np.arange(70) - start + 0.5) / max(overlap, 1), 0, 1) if overlap else np.arange(70) >= start
        expected += (hop if start else 0) * rise
    np.testing.assert_allclose(found, expected, atol=1e-4)
    if overlap > 1:
        assert np.abs(np.diff(found)).max() <= hop / overlap + 1e-4  # no jump


def test_recording_of_exactly_one_window_is_not_cut(whisper):
    x = noise(20 * 320)
    encoder = short_windows(whisper)
    assert torch.equal(torch.cat(list(encoder.stream(np.split(x, 8)))), encoder(x))


# --- loading


def test_bundled_format(tmp_path, whisper):
    config = {"type": "encoder", "num_layers": 3, "taps": [1, 3], "whisper": WHISPER}
    save_checkpoint(
        tmp_path,
        {name: t.half() if t.is_floating_point() else t for name, t in whisper.state_dict().items()},
        {**config, "window": {"length": 2.0, "overlap": 0.5}},
    )
    encoder = SpeechEncoder.load(tmp_path)
    assert (encoder.num_taps, encoder.dim, encoder.plan) == (2, 16, WindowPlan(2.0, 0.5))
    assert encoder.sha256 == checksum(tmp_path) and encoder.source == str(tmp_path)
    x = noise(8000)
    torch.testing.assert_close(encoder(x), short_windows(whisper, 100)(x), rtol=0.02, atol=0.02)
    assert not any(p.requires_grad for p in encoder.network.parameters())


@pytest.fixture(scope="module", params=["wav2vec2", "wavlm", "hubert"])
def hub_folder(request, tmp_path_factory):
    return save_hub_model(request.param, tmp_path_factory.mktemp(request.param))


def save_hub_model(kind, folder, **changes):
    """A randomly initialised model of transformers, two layers of 16, with the usual strides."""
    import transformers

    config_type, model_type = {
        "wav2vec2": (transformers.Wav2Vec2Config, transformers.Wav2Vec2Model),
        "wavlm": (transformers.WavLMConfig, transformers.WavLMModel),
        "hubert": (transformers.HubertConfig, transformers.HubertModel),
    }[kind]
    sizes = {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "conv_dim": (8,) * 7,
        "num_conv_pos_embeddings": 8,
        "num_conv_pos_embedding_groups": 2,
    }
    torch.manual_seed(0)
    model_type(config_type(**{**sizes, **changes})).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder)
    return folder


def test_model_of_transformers_loads_from_its_folder(hub_folder):
    encoder = SpeechEncoder.load(str(hub_folder))
    assert (encoder.num_taps, encoder.dim, encoder.sha256) == (2, 16, None)
    for samples in COUNTS:
        features = encoder.encode([noise(samples)])
        assert features.shape == (math.ceil(samples / 320), 2, 16) and features.isfinite().all()


def test_other_weights_in_a_folder_are_another_encoder(tmp_path):
    """By what lies in it: its name stays, and so does the checksum that only own checkpoints have."""

    def found(name: str, content: bytes | None = None) -> str:
        if content is not None:
            (tmp_path / name).write_bytes(content)
        return fingerprint(SimpleNamespace(sha256=None, source=str(tmp_path)))

    first = found("model.safetensors", b"weights")
    assert found("model.safetensors", b"WEIGHTS") != first
    assert found("model.safetensors", b"weights") == first
    assert found("preprocessor_config.json", b"{}") != first
    assert fingerprint(SimpleNamespace(sha256=None, source="openai/whisper-base")) == "openai/whisper-base"
    assert fingerprint(SimpleNamespace(sha256="abc", source=str(tmp_path))) == "abc"


def test_model_of_transformers_gives_its_hidden_states(hub_folder):
    """Interior frames are the model's own on the normalised sound (whose frames lie 200 samples on)."""
    from transformers import AutoFeatureExtractor, AutoModel

    x = noise(16_000, swell=False)
    extractor, model = AutoFeatureExtractor.from_pretrained(hub_folder), AutoModel.from_pretrained(hub_folder).eval()
    values = extractor(np.pad(x, (40, 360)), sampling_rate=16_000, return_tensors="pt")["input_values"]
    with torch.no_grad():
        states = model(values, output_hidden_states=True).hidden_states
        found = HubLayers(str(hub_folder)).eval()(torch.from_numpy(x)[None])
    for tap in (1, 2):
        # Padding is a part of what the extractor normalises, and the deviation is estimated otherwise: nearly equal.
        torch.testing.assert_close(found[:, :, tap - 1], states[tap][:, :50], rtol=0.05, atol=0.05)


def test_taps_of_a_model_of_transformers_can_be_chosen(hub_folder):
    x = torch.from_numpy(noise(6400))[None]
    with torch.no_grad():
        both, last = HubLayers(str(hub_folder)).eval()(x), HubLayers(str(hub_folder), taps=(2,)).eval()(x)
    assert torch.equal(both[:, :, 1:], last)


def test_whisper_of_transformers_loads_from_its_folder(tmp_path):
    """Its last layers are those of transformers' own encoder, before the norm behind them."""
    import transformers

    sizes = {**WHISPER, "decoder_layers": 1, "decoder_attention_heads": 2, "decoder_ffn_dim": 8, "encoder_layers": 4}
    torch.manual_seed(0)
    oracle = transformers.WhisperModel(transformers.WhisperConfig(**sizes, vocab_size=64, pad_token_id=0)).eval()
    oracle.save_pretrained(tmp_path)
    transformers.WhisperFeatureExtractor().save_pretrained(tmp_path)
    encoder, x = SpeechEncoder.load(tmp_path), np.pad(noise(16_000), (0, 464_000))
    assert (encoder.num_taps, encoder.dim, encoder.network.taps) == (3, 16, (2, 3, 4))
    mel = transformers.WhisperFeatureExtractor()(x, sampling_rate=16_000, return_tensors="pt")["input_features"]
    with torch.no_grad():
        states = oracle.encoder(mel, output_hidden_states=True).hidden_states
        found = encoder.network(torch.from_numpy(x)[None])
    torch.testing.assert_close(found[:, :, 1], states[3], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(oracle.encoder.layer_norm(found[:, :, 2]), states[4], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("case", ["missing", "empty", "text", "foreign"])
def test_wrong_folder_is_named_in_one_line(tmp_path, case):
    folder = tmp_path / "encoder"
    if case != "missing":
        folder.mkdir()
    if case == "text":
        (folder / "config.json").write_text("hello")
    if case == "foreign":
        save_checkpoint(folder, {"x": torch.zeros(1)}, {"type": "diarizer"})
    with pytest.raises(InputError) as error:
        SpeechEncoder.load(folder)
    message = str(error.value)
    assert str(folder) in message and "\n" not in message and len(message) < 700


def test_model_with_another_hop_is_refused(tmp_path):
    save_hub_model("wav2vec2", tmp_path, conv_stride=(5, 2, 2, 2, 2, 2, 1))
    with pytest.raises(InputError, match="hop of 20 ms"):
        SpeechEncoder.load(str(tmp_path))
