"""The animator: encoder features and an emotion timeline to 52 ARKit coefficients."""

import os
from typing import Any

import numpy as np
import torch

from sedtalker_cli.errors import InputError
from sedtalker_cli.face.arkit import ARKIT_NAMES
from sedtalker_cli.model.animator_network import AnimatorNetwork
from sedtalker_cli.model.checkpoint import check_features, load_checkpoint, names_of
from sedtalker_cli.model.emotions import KnowsEmotions
from sedtalker_cli.model.features import Features
from sedtalker_cli.model.frames import resample_frames, sharpen
from sedtalker_cli.model.weights import ANIMATOR
from sedtalker_cli.model.windows import windowed


class Animator(KnowsEmotions):
    """A trained animator.

    Attributes:
        classes, class_map: see `KnowsEmotions`.
        styles: speaking styles; the first is the default.
        sharpness: see `sharpen`.
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
        if not 0 <= self.sharpness <= 10:
            raise ValueError(f"sharpness is {self.sharpness}")

    @staticmethod
    def build(config: dict[str, Any]) -> AnimatorNetwork:
        """The network that a checkpoint's configuration describes, with random weights."""
        styles, sizes = names_of(config["styles"]), config["network"]
        if sizes.get("outputs", len(ARKIT_NAMES)) != len(ARKIT_NAMES):
            raise ValueError(f"outputs is {sizes['outputs']}, not ARKit's {len(ARKIT_NAMES)}")
        return AnimatorNetwork(tuple(config["classes"]), styles, **sizes)

    @classmethod
    def load(cls, folder: str | os.PathLike[str], device: str = "cpu") -> "Animator":
        """Load a checkpoint folder.

        Raises:
            InputError: no, damaged or foreign checkpoint.
        """
        return load_checkpoint(cls, folder, device)

    @torch.inference_mode()
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
        if style is not None and style not in self.styles:
            raise InputError(f"this animator does not know the style {style!r}; it knows {', '.join(self.styles)}")
        if len(features) == 0:
            return np.zeros((max(1, round(duration * fps)), len(ARKIT_NAMES)), np.float32)
        check_features(self.network, features)
        number = torch.tensor([self.styles.index(style) if style else 0], device=self.device)

        def listen(f: torch.Tensor, p: torch.Tensor, i: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return self.network.listen(f.to(self.device).float(), p.to(self.device), i.to(self.device), number)

        inputs = [
            features,
            torch.as_tensor(posteriors, dtype=torch.float32),
            torch.as_tensor(intensity, dtype=torch.float32),
        ]
        stride = self.network.stride
        # The pooling of `listen` hears its neighbours only; the stack takes the recording as a whole.
        x, condition = (
            y[None] for y in windowed(listen, inputs, core=1000 * stride, context=4 * stride, stride=stride)
        )
        x = self.network.stack.in_pieces(x, condition)
        motion = self.network.move(x, condition)[0, : len(features)]
        motion = sharpen(motion.cpu(), self.sharpness)
        return resample_frames(motion, duration, fps).clamp(0, 1).numpy()
