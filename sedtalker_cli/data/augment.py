"""Changes to the sound that must not change the label: noise, rooms, channels, speed, level."""

from collections.abc import Sequence

import numpy as np
from scipy.signal import butter, fftconvolve, sosfilt

from sedtalker_cli.clock import SAMPLE_RATE


def resample(waveform: np.ndarray, original: int, target: int) -> np.ndarray:
    """Change the number of samples by target / original (torchaudio's windowed sinc).

    Args:
        waveform: (N,) float32.
        original: samples a second before.
        target: samples a second after.

    Raises:
        ImportError: torchaudio does not fit the installed torch; named, because the two come apart easily.
    """
    try:
        import torch
        from torchaudio.functional import resample as sinc_resample
    except (ImportError, OSError) as error:
        raise ImportError(f"torchaudio cannot be used ({error}); install the release made for this torch") from error
    return sinc_resample(torch.from_numpy(np.ascontiguousarray(waveform)), original, target).numpy()


def change_speed(waveform: np.ndarray, factor: float) -> np.ndarray:
    """Play `factor` times as fast, pitch and formants included (another, smaller or larger, speaker)."""
    return resample(waveform, round(factor * 100), 100)


def coloured_noise(samples: int, rng: np.random.Generator, slope: float | None = None) -> np.ndarray:
    """Noise (samples,) of no particular level.

    Args:
        samples: N.
        rng: source of chance.
        slope: amplitude falls with frequency to this power: 0 is white, 0.5 pink, 1 brown; None draws it from [0, 1].
    """
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    spectrum[1:] /= np.arange(1, len(spectrum)) ** (rng.uniform(0.0, 1.0) if slope is None else slope)
    return np.fft.irfft(spectrum, samples)


def add_noise(waveform: np.ndarray, snr: float, rng: np.random.Generator) -> np.ndarray:
    """Add `coloured_noise` at a signal-to-noise ratio in dB."""
    noise = coloured_noise(len(waveform), rng)
    power, noise_power = np.mean(waveform**2), np.mean(noise**2) + 1e-20
    return waveform + noise * np.sqrt(power / noise_power * 10 ** (-snr / 10))


def reverberate(waveform: np.ndarray, rt60: float, direct: float, rng: np.random.Generator) -> np.ndarray:
    """Convolve with exponentially decaying noise, the statistical model of a room's tail (Polack 1988).

    Args:
        waveform: (N,).
        rt60: time of decay by 60 dB in s.
        direct: direct-to-reverberant energy ratio in dB.
        rng: source of chance.
    """
    length = max(1, int(rt60 * SAMPLE_RATE))
    tail = rng.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    tail[: SAMPLE_RATE // 500] = 0
    tail *= 10 ** (-direct / 20) / (np.sqrt(np.sum(tail**2)) + 1e-12)
    tail[0] = 1.0
    return fftconvolve(waveform, tail)[: len(waveform)]


def band_limit(waveform: np.ndarray, low: float, high: float) -> np.ndarray:
    """Second-order band-pass in Hz, as of a telephone or a cheap microphone."""
    return sosfilt(butter(2, [low, min(high, 7900)], "band", fs=SAMPLE_RATE, output="sos"), waveform)


def mu_law(waveform: np.ndarray, levels: int = 256) -> np.ndarray:
    """Companding and quantisation of ITU-T G.711 (mu = 255)."""
    mu, peak = 255.0, np.abs(waveform).max() + 1e-9
    coded = np.sign(waveform) * np.log1p(mu * np.abs(waveform) / peak) / np.log1p(mu)
    coded = np.round(coded * (levels / 2)) / (levels / 2)
    return np.sign(coded) * np.expm1(np.abs(coded) * np.log1p(mu)) / mu * peak


def augment(waveform: np.ndarray, rng: np.random.Generator, strength: float = 1.0) -> np.ndarray:
    """Apply a random choice of the changes that keep the timing.

    Args:
        waveform: (N,) float32.
        rng: source of chance.
        strength: multiplies every probability; 0 changes nothing.

    Returns:
        (N,) float32.
    """
    if rng.random() < 0.25 * strength:
        waveform = reverberate(waveform, rng.uniform(0.1, 0.8), rng.uniform(0, 12), rng)
    if rng.random() < 0.2 * strength:
        waveform = band_limit(waveform, rng.uniform(50, 350), rng.uniform(3000, 7500))
    if rng.random() < 0.1 * strength:
        waveform = mu_law(waveform)
    if rng.random() < 0.4 * strength:
        waveform = add_noise(waveform, rng.uniform(5, 35), rng)
    if rng.random() < 0.8 * strength:
        waveform = waveform * 10 ** (rng.uniform(-15, 6) / 20)
    return np.clip(waveform, -1, 1).astype(np.float32)


def shift_voice(waveform: np.ndarray, factor: float) -> np.ndarray:
    """Scale pitch and formants by `factor` and keep the timing: another voice saying the same at the same pace.

    Args:
        waveform: (N,) float32.
        factor: above 1 a smaller speaker, below 1 a larger one.

    Returns:
        (N,) float32, by a change of speed undone by a phase vocoder (Flanagan and Golden 1966).
    """
    import torch
    from torchaudio.functional import phase_vocoder

    fast = torch.from_numpy(change_speed(waveform, factor))
    n_fft, hop = 512, 128
    window = torch.hann_window(n_fft)
    spectrum = torch.stft(fast, n_fft, hop, window=window, return_complex=True)
    advance = torch.linspace(0, np.pi * hop, n_fft // 2 + 1)[:, None]
    slow = torch.istft(phase_vocoder(spectrum, 1 / factor, advance), n_fft, hop, window=window).numpy()
    return np.pad(slow, (0, max(0, len(waveform) - len(slow))))[: len(waveform)].astype(np.float32)


def babble(samples: int, voices: Sequence[np.ndarray], rng: np.random.Generator, speakers: int = 6) -> np.ndarray:
    """Several people talking at once (samples,), of no particular level.

    Args:
        samples: N.
        voices: waveforms of speech, each repeated where it is too short.
        rng: source of chance.
        speakers: how many.
    """
    mixed = np.zeros(samples)
    for _ in range(speakers):
        voice = voices[rng.integers(len(voices))]
        voice = np.tile(voice, -(-(samples + 1) // max(1, len(voice))) + 1)
        start = int(rng.integers(len(voice) - samples + 1))
        mixed += voice[start : start + samples] / (np.sqrt(np.mean(np.square(voice, dtype=np.float64))) + 1e-9)
    return mixed


def at_ratio(waveform: np.ndarray, noise: np.ndarray, ratio: float, speech: np.ndarray) -> np.ndarray:
    """Add noise so that speech is `ratio` dB above it.

    Args:
        waveform, noise: (N,).
        ratio: dB.
        speech: (N,) bool, samples whose power counts; all do where there are none.
    """
    heard = waveform[speech] if speech.any() else waveform
    power, noise_power = np.mean(heard**2), np.mean(noise**2) + 1e-20
    return waveform + noise * np.sqrt(power / noise_power * 10 ** (-ratio / 10))
