"""The vertex animator: encoder features and an emotion timeline to the vertices of a data set's topology."""

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from sedtalker_cli.clock import FRAME_RATE
from sedtalker_cli.errors import InputError
from sedtalker_cli.model.backbones import BACKBONES
from sedtalker_cli.model.checkpoint import check_features, load_checkpoint, names_of
from sedtalker_cli.model.emotions import KnowsEmotions
from sedtalker_cli.model.features import Features
from sedtalker_cli.model.frames import SampledFeatures, sample_frames
from sedtalker_cli.model.weights import VERTEX_ANIMATOR
from sedtalker_cli.model.windows import windowed

MOST_VERTICES = 1 << 20
ANYONE = "anyone"  # subject number 0


class VertexHead(nn.Module):
    """Linear map of a hidden frame to offsets from the template; it starts at no offset.

    Args:
        d_model: width D.
        vertices: V of the topology.
    """

    def __init__(self, d_model: int, vertices: int):
        super().__init__()
        self.linear = nn.Linear(d_model, 3 * vertices)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        # Usual size of an offset in the data set's units, so that one learning rate fits metres and millimetres.
        self.register_buffer("scale", torch.ones(()))

    def forward(self, hidden: torch.Tensor, template: torch.Tensor) -> torch.Tensor:
        """hidden: (B, T, D); template: (B, V, 3). Returns (B, T, V, 3) float32."""
        offsets = self.linear(hidden).float().unflatten(-1, (-1, 3))
        return template.unsqueeze(1) + self.scale * offsets


class VertexNetwork(nn.Module):
    """One backbone for all data sets, one head a topology.

    Args:
        classes: emotion names, `neutral` among them.
        subjects: number of subjects, anyone included.
        topologies: name -> V.
        num_taps, dim: of the encoder.
        backbone: one of `BACKBONES`.
        d_model: width.
        **sizes: of the backbone.
    """

    def __init__(
        self,
        classes: tuple[str, ...],
        subjects: int,
        topologies: dict[str, int],
        num_taps: int,
        dim: int,
        backbone: str = "hybrid",
        d_model: int = 512,
        **sizes: Any,
    ):
        super().__init__()
        if backbone not in BACKBONES:
            raise ValueError(f"backbone {backbone!r}: only {', '.join(BACKBONES)} are known")
        self.num_taps, self.dim = num_taps, dim
        self.backbone = BACKBONES[backbone](classes, subjects, num_taps, dim, d_model, **sizes)
        self.heads = nn.ModuleDict({module_name(n): VertexHead(d_model, count) for n, count in topologies.items()})

    def head(self, topology: str) -> VertexHead:
        """The head of a topology."""
        head = self.heads[module_name(topology)]
        assert isinstance(head, VertexHead)
        return head

    def forward(
        self,
        features: torch.Tensor,
        posteriors: torch.Tensor,
        intensity: torch.Tensor,
        subject: torch.Tensor,
        template: torch.Tensor,
        topology: str,
        mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Vertices (B, T, V, 3); template (B, V, 3), the rest as in `HybridBackbone.forward`."""
        return self.head(topology)(self.backbone(features, posteriors, intensity, subject, mask), template)


def module_name(topology: str) -> str:
    """A topology's name as PyTorch lets modules be called."""
    return topology.replace(".", "_")


class VertexAnimator(KnowsEmotions):
    """A trained vertex animator.

    Attributes:
        classes, class_map: see `KnowsEmotions`.
        subjects: names, the first is `anyone`.
        topologies: name -> {"vertices": V, "fps": of its data set, "extent": height of its templates, in its units}.
        encoder: {"name": Hugging Face id or folder's name, "sha256": checksum or None} of what it was trained with.
        sha256, source: checksum and folder of the checkpoint.
    """

    kind = VERTEX_ANIMATOR

    def __init__(self, network: VertexNetwork, config: dict[str, Any], device: str, sha256: str, source: str = ""):
        self.network = network.to(device).eval().requires_grad_(False)
        self.device, self.sha256, self.source = device, sha256, source
        self.classes, self.subjects = tuple(config["classes"]), tuple(config["subjects"])
        self.class_map: dict[str, str] = dict(config.get("class_map", {}))
        self.topologies: dict[str, dict[str, float]] = config["topologies"]
        self.encoder: dict[str, str | None] = config["encoder"]

    @staticmethod
    def build(config: dict[str, Any]) -> VertexNetwork:
        """The network that a checkpoint's configuration describes, with random weights."""
        subjects, topologies = names_of(config["subjects"]), config["topologies"]
        for facts in topologies.values():
            if not (0 < int(facts["vertices"]) <= MOST_VERTICES and facts["fps"] > 0 and facts["extent"] > 0):
                raise ValueError(f"a topology has {facts}")
        counts = {name: int(facts["vertices"]) for name, facts in topologies.items()}
        return VertexNetwork(tuple(config["classes"]), len(subjects), counts, **config["network"])

    @classmethod
    def load(cls, folder: str | os.PathLike[str], device: str = "cpu") -> "VertexAnimator":
        """Load a checkpoint folder.

        Raises:
            InputError: no, damaged or foreign checkpoint.
        """
        return load_checkpoint(cls, folder, device)

    def topology_of(self, vertices: int) -> str:
        """Name of the topology with so many vertices.

        Raises:
            InputError: this animator has none.
        """
        for name, facts in self.topologies.items():
            if facts["vertices"] == vertices:
                return name
        known = ", ".join(f"{name} ({facts['vertices']} vertices)" for name, facts in self.topologies.items())
        raise InputError(f"this animator has no topology of {vertices} vertices; it has {known}")

    def subject_number(self, subject: str | None) -> int:
        """Number of a subject that it was trained with; anyone else, and None, is anyone."""
        return self.subjects.index(subject) if subject in self.subjects else 0

    @torch.inference_mode()
    def listen(
        self,
        features: Features,
        posteriors: np.ndarray,
        intensity: np.ndarray,
        topology: str,
        frames: int,
        fps: float | None = None,
        subject: str | None = None,
    ) -> torch.Tensor:
        """Hidden frames of a recording. Heads are linear, so these may be resampled as well as vertices.

        Args:
            features: (T50, L, D) as from `SpeechEncoder.encode` or `store`.
            posteriors: (T50, C) over `classes`.
            intensity: (T50,).
            topology: whose frame rate the network runs at.
            frames: wanted, T.
            fps: of the wanted frames, None for the topology's own.
            subject: whose way of speaking; None or unknown is anyone's.

        Returns:
            (T, D); frame k is at k / fps.
        """
        check_features(self.network, features)
        own = self.topologies[topology]["fps"]
        fps = fps or own
        inner = frames if fps == own else max(1, round(frames / fps * own)) + 1
        place = torch.arange(inner, dtype=torch.float64) / own * FRAME_RATE - 0.5
        heard = SampledFeatures(features, place)
        emotion = torch.from_numpy(np.column_stack([posteriors, intensity]).astype(np.float32))
        emotion = emotion[place.round().long().clamp(0, len(emotion) - 1)]
        number = torch.tensor([self.subject_number(subject)], device=self.device)

        def run(f: torch.Tensor, e: torch.Tensor) -> tuple[torch.Tensor]:
            e = e.to(self.device)
            return (self.network.backbone(f.to(self.device), e[..., :-1], e[..., -1], number),)

        (hidden,) = windowed(run, [heard, emotion], core=1800, context=180)
        if fps != own:
            hidden = sample_frames(hidden, torch.arange(frames, dtype=torch.float64) / fps * own)
        return hidden

    @torch.inference_mode()
    def stream(
        self, hidden: torch.Tensor, template: np.ndarray, topology: str, block: int = 256
    ) -> Iterator[np.ndarray]:
        """Yields vertices (up to `block`, V, 3) float32 at a time.

        Args:
            hidden: (T, D) as from `listen`.
            template: (V, 3) in the data set's units.
            topology: of the template.
        """
        rest = torch.tensor(np.asarray(template, np.float32), device=self.device)[None]
        for start in range(0, len(hidden), block):
            yield self.network.head(topology)(hidden[None, start : start + block], rest)[0].cpu().numpy()
