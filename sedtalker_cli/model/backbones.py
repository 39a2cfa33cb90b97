"""From encoder features and emotion at a data set's frame rate to hidden frames, from which heads make vertices."""

import torch
from torch import nn

from sedtalker_cli.model.animator_network import EmotionCondition
from sedtalker_cli.model.layers.hybrid import HybridStack
from sedtalker_cli.model.layers.mix import LayerMix
from sedtalker_cli.model.layers.paper import PaperStack


class HybridBackbone(nn.Module):
    """Mix of encoder layers, then a hybrid stack that is conditioned on emotion and subject at every frame.

    Args:
        classes: emotion names, `neutral` among them.
        subjects: number of subjects S; number 0 stands for anyone.
        num_taps, dim: of the encoder.
        d_model: width.
        layout, window, num_heads, d_state, conditioning: see `HybridStack`.
        emotion_dim, subject_dim: sizes of the embeddings.
        soft: see `EmotionCondition`.
        dropout: probability.
    """

    def __init__(
        self,
        classes: tuple[str, ...],
        subjects: int,
        num_taps: int,
        dim: int,
        d_model: int = 512,
        layout: str = "mamama",
        window: int = 30,
        num_heads: int = 8,
        d_state: int = 16,
        emotion_dim: int = 64,
        subject_dim: int = 32,
        conditioning: str = "film",
        soft: bool = True,
        dropout: float = 0.1,
    ):
        super().__init__()
        self.mix, self.project = LayerMix(num_taps), nn.Linear(dim, d_model)
        self.emotion = EmotionCondition(classes, emotion_dim, soft)
        self.subject = nn.Embedding(subjects, subject_dim)
        condition_dim = emotion_dim + subject_dim
        self.tell = nn.Linear(condition_dim, d_model)
        self.dropout = nn.Dropout(dropout)
        self.stack = HybridStack(
            *(layout, d_model, num_heads, window, condition_dim, d_state),
            dropout=dropout,
            conditioning=conditioning,
        )

    def forward(
        self,
        features: torch.Tensor,
        posteriors: torch.Tensor,
        intensity: torch.Tensor,
        subject: torch.Tensor,
        mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """
        Args:
            features: (B, T, L, D) encoder layers.
            posteriors: (B, T, C).
            intensity: (B, T) in [0, 1].
            subject: (B,) numbers.
            mask: (B, T) with 1 for frames that exist.

        Returns:
            (B, T, d_model).
        """
        rows = self.subject(subject)[:, None].expand(-1, features.shape[1], -1)
        condition = torch.cat([self.emotion(posteriors, intensity), rows], dim=-1)
        x = self.dropout(self.project(self.mix(features))) + self.tell(condition)
        return self.stack(x, condition, mask)


class PaperBackbone(nn.Module):
    """The authors' way: Linear of the encoder's last layer + embedding of the emotion + Linear of its intensity.

    Posteriors weight the embeddings, so that one-hot rows give exactly the authors' sum. Subjects have no part.

    Args:
        classes, subjects, num_taps, dim: as in `HybridBackbone`.
        d_model: width.
        num_heads, d_state, experts, rank, dropout: see `PaperStack`.
    """

    def __init__(
        self,
        classes: tuple[str, ...],
        subjects: int,
        num_taps: int,
        dim: int,
        d_model: int = 512,
        num_heads: int = 8,
        d_state: int = 16,
        experts: int = 2,
        rank: int = 16,
        dropout: float = 0.1,
    ):
        super().__init__()
        self.project = nn.Linear(dim, d_model)
        self.emotion = nn.Linear(len(classes), d_model, bias=False)
        nn.init.normal_(self.emotion.weight)
        self.level = nn.Linear(1, d_model)
        self.stack = PaperStack(d_model, num_heads, d_state, experts=experts, rank=rank, dropout=dropout)

    def forward(
        self,
        features: torch.Tensor,
        posteriors: torch.Tensor,
        intensity: torch.Tensor,
        subject: torch.Tensor,
        mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """As `HybridBackbone.forward`."""
        x = self.project(features[:, :, -1]) + self.emotion(posteriors) + self.level(intensity.unsqueeze(-1))
        return self.stack(x, mask)


BACKBONES: dict[str, type[nn.Module]] = {"hybrid": HybridBackbone, "paper": PaperBackbone}
