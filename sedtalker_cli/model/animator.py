"""The animator: encoder features and an emotion timeline to 52 ARKit coefficients."""

import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from sedtalker_cli.errors import InputError
from sedtalker_cli.face.arkit import ARKIT_INDEX, ARKIT_NAMES, IS_MOUTH
from sedtalker_cli.face.heads import cached_head
from sedtalker_cli.model.animator_network import AnimatorNetwork
from sedtalker_cli.model.checkpoint import check_features, load_checkpoint, names_of
from sedtalker_cli.model.emotions import KnowsEmotions
from sedtalker_cli.model.features import Features
from sedtalker_cli.model.finishing import Sounds, close_and_part, full_range, slow
from sedtalker_cli.model.frames import resample_frames, sharpen
from sedtalker_cli.model.weights import ANIMATOR
from sedtalker_cli.model.windows import windowed

PIECE = 2000  # frames of features that are read at once
JAW = ARKIT_INDEX["jawOpen"]
# Where the network's jaw opens by MOVING within REACH frames to either side it hears speech: over noise and music it
# has learned to rest, while the paths know nothing but speech.
MOVING, REACH = 0.06, 10


class Animator(KnowsEmotions):
    """A trained animator.

    Attributes:
        classes, class_map: see `KnowsEmotions`.
        styles: speaking styles; the first is the default.
        sharpness: see `sharpen`.
        shares: of the linear and the phone path in speech.
        sha256, source: checksum and folder of the checkpoint.
        encoder: None: it listens with the encoder that feeds the diarizer.
    """

    kind = ANIMATOR
    encoder = None

    def __init__(self, network: AnimatorNetwork, config: dict[str, Any], device: str, sha256: str, source: str = ""):
        self.network = network.to(device).eval().requires_grad_(False)
        self.device, self.sha256, self.source = device, sha256, source
        self.classes, self.styles = tuple(config["classes"]), tuple(config["styles"])
        self.class_map: dict[str, str] = dict(config.get("class_map", {}))
        self.sharpness = float(config.get("sharpness", 0.0))
        shares = config.get("shares", {})
        self.shares = tuple(float(shares.get(name, 0.0)) for name in ("linear", "table"))
        if min(self.shares) < 0 or sum(self.shares) > 1:
            raise ValueError(f"shares are {self.shares}")
        if not 0 <= self.sharpness <= 10:
            raise ValueError(f"sharpness is {self.sharpness}")

    @staticmethod
    def build(config: dict[str, Any]) -> AnimatorNetwork:
        """The network that a checkpoint's configuration describes, with random weights."""
        styles, sizes = names_of(config["styles"]), config["network"]
        if sizes.get("outputs", len(ARKIT_NAMES)) != len(ARKIT_NAMES):
            raise ValueError(f"outputs is {sizes['outputs']}, not ARKit's {len(ARKIT_NAMES)}")
        units = tuple(sizes.get("units", ()))
        return AnimatorNetwork(tuple(config["classes"]), styles, **{**sizes, "units": units})

    @classmethod
    def load(cls, folder: str | os.PathLike[str], device: str = "cpu") -> "Animator":
        """Load a checkpoint folder.

        Raises:
            InputError: no, damaged or foreign checkpoint.
        """
        return load_checkpoint(cls, folder, device)

    def predict(
        self,
        features: Features,
        posteriors: np.ndarray,
        intensity: np.ndarray,
        duration: float,
        fps: float,
        style: str | None = None,
    ) -> np.ndarray:
        """Motion of a recording.

        Args:
            features: (T, L, D) as from `SpeechEncoder.encode` or `store`.
            posteriors: (T, C) over `classes`.
            intensity: (T,).
            duration: of the recording in s.
            fps: frames a second.
            style: one of `styles`; None is the first.

        Returns:
            (max(1, round(duration x fps)), 52) float32 ARKit coefficients in [0, 1]; zeros without features.

        Raises:
            InputError: unknown style.
        """
        return self.perform(features, posteriors, [intensity], duration, fps, style)[0]

    @torch.inference_mode()
    def perform(
        self,
        features: Features,
        posteriors: np.ndarray,
        intensities: Sequence[np.ndarray],
        duration: float,
        fps: float,
        style: str | None = None,
    ) -> list[np.ndarray]:
        """Motion of a recording at several intensities, as `predict` gives it for each; speech is made once."""
        if style is not None and style not in self.styles:
            raise InputError(f"this animator does not know the style {style!r}; it knows {', '.join(self.styles)}")
        if len(features) == 0:
            return [np.zeros((max(1, round(duration * fps)), len(ARKIT_NAMES)), np.float32) for _ in intensities]
        check_features(self.network, features)
        number = torch.tensor([self.styles.index(style) if style else 0], device=self.device)
        emotion = torch.as_tensor(posteriors, dtype=torch.float32)
        calm = torch.zeros(len(features))
        own, paths, sounds = self._speak(features, emotion, calm, number, with_paths=True)
        change = torch.from_numpy(self._finished(own, paths, sounds)) - own
        found = []
        for intensity in intensities:
            level = torch.as_tensor(intensity, dtype=torch.float32)
            shown = self._speak(features, emotion, level, number)[0] if level.any() else own
            found.append(resample_frames(shown + change, duration, fps).clamp(0, 1).numpy())
        return found

    def _speak(
        self,
        features: Features,
        posteriors: torch.Tensor,
        intensity: torch.Tensor,
        style: torch.Tensor,
        with_paths=False,
    ) -> tuple[torch.Tensor, ...]:
        """Motion (T, 52) of the network; if asked what the paths say (T, 2, M), and posteriors of sounds (T, U)."""
        network, stride = self.network, self.network.stride
        articulation = network.articulation
        usual = articulation.usual_voice(pieces(features)) if with_paths else None

        def listen(f: torch.Tensor, p: torch.Tensor, i: torch.Tensor) -> tuple[torch.Tensor, ...]:
            heard = articulation.hear(f.to(self.device).float())
            x, condition = network.listen(heard, p.to(self.device), i.to(self.device), style)
            if usual is None:
                return x, condition
            beside = articulation.paths(*heard, usual).flatten(2), heard[1].softmax(-1)
            fill = -heard[0].shape[1] % stride
            return x, condition, *(F.pad(y, (0, 0, 0, fill)).unflatten(1, (-1, stride)).flatten(2) for y in beside)

        # The pooling of `listen` hears its neighbours only; the stack takes the recording as a whole.
        inputs = [features, posteriors, intensity]
        x, condition, *beside = (
            y[None] for y in windowed(listen, inputs, core=1000 * stride, context=8 * stride, stride=stride)
        )
        x = network.stack.in_pieces(x, condition)
        motion = network.move(x, condition)[0, : len(features)].cpu()
        beside = [y.unflatten(-1, (stride, -1)).flatten(1, 2)[0, : len(features)].cpu() for y in beside]
        return (motion, beside[0].unflatten(-1, (2, -1)), beside[1]) if beside else (motion,)

    def _finished(self, speech: torch.Tensor, paths: torch.Tensor, sounds: torch.Tensor) -> np.ndarray:
        """Motion of speech (T, 52), with the paths' shares where the network hears speech, finished."""
        moving = (speech[:, JAW] / MOVING).clamp(0, 1)[None, None]
        size = 2 * REACH + 1
        moving = F.avg_pool1d(F.max_pool1d(moving, size, 1, REACH), size, 1, REACH, count_include_pad=False)[0, 0]
        shares = torch.tensor(self.shares).view(1, 2, 1) * moving.view(-1, 1, 1)
        mouth = speech[:, IS_MOUTH]
        mixed = speech.clone()
        mixed[:, IS_MOUTH] = mouth + (shares * (paths - mouth.unsqueeze(1))).sum(1)
        head = cached_head(None, None)
        heard = Sounds.of(sounds.numpy(), self.network.articulation.units, moving.numpy())
        motion = sharpen(torch.from_numpy(full_range(mixed.numpy(), heard, head)), self.sharpness).numpy()
        return slow(close_and_part(motion, heard, head)).astype(np.float32)


def pieces(features: Features) -> Iterator[torch.Tensor]:
    """A recording's features in pieces of a bounded size."""
    for start in range(0, len(features), PIECE):
        yield features[start : start + PIECE]
