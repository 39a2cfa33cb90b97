"""The network of the animator: features, and a soft embedding of emotion, to coefficients."""

import torch
from torch import nn
from torch.nn import functional as F

from sedtalker_cli.face.arkit import MOUTH
from sedtalker_cli.model.layers.articulation import Articulation
from sedtalker_cli.model.layers.hybrid import HybridStack

SCALE = 0.5  # of the logits of sounds beside whitened features


class EmotionCondition(nn.Module):
    """Soft embedding of a frame's emotion: class embeddings mixed by probability and intensity.

    With m = intensity x (1 - p_neutral): e = (1 - m) E_neutral + intensity x sum over c != neutral of p_c E_c.
    So an emotion of intensity 0 is the neutral one, whatever its class, and every change is continuous.

    Args:
        classes: names, one of them `neutral`.
        dim: size of the embedding.
        soft: False takes the likeliest class alone, in one of three strengths (0, 0.5, 1): the peer in ablations.
    """

    def __init__(self, classes: tuple[str, ...], dim: int, soft: bool = True):
        super().__init__()
        self.soft = soft
        self.neutral = classes.index("neutral")
        self.embedding = nn.Parameter(torch.randn(len(classes), dim))

    def forward(self, posteriors: torch.Tensor, intensity: torch.Tensor) -> torch.Tensor:
        """posteriors (B, T, C) and intensity (B, T) to (B, T, dim)."""
        if not self.soft:
            posteriors = F.one_hot(posteriors.argmax(-1), posteriors.shape[-1]).to(posteriors.dtype)
            intensity = (2 * intensity).round() / 2
        shares = posteriors * intensity.unsqueeze(-1)
        kept = torch.ones_like(shares[0, 0])
        kept[self.neutral] = 0
        shares = shares * kept
        rest = 1 - shares.sum(-1, keepdim=True)
        return shares @ self.embedding + rest * self.embedding[self.neutral]


class AnimatorNetwork(nn.Module):
    """Sounds and whitened features, hybrid stack conditioned on emotion and style at every frame, linear output.

    Beside it lie the two plain paths of `Articulation`, which know no emotion; `Animator` unites all three. The stack
    runs at 50 / stride frames a second; each of its frames gives `stride` frames of motion, so that short closures stay
    sharp.

    Args:
        classes: emotion names C.
        styles: names of speaking styles (sources of captured motion).
        num_taps, dim: of the encoder.
        outputs: coefficients K.
        d_model: width.
        layout: time mixers as in `HybridStack`.
        stride: encoder frames per frame of the stack.
        window: attention reach in the stack's frames to either side.
        emotion_dim, style_dim: sizes of the embeddings.
        dropout: probability.
        voice_dim: whitened features that are heard, at most num_taps x dim.
        units: names of the sounds that are told apart.
        feature_dropout: probability that a whole feature is not heard in a recording, so that none is relied on.
        conditioning, soft: how a frame is conditioned on its emotion, see `HybridStack` and `EmotionCondition`.
    """

    def __init__(
        self,
        classes: tuple[str, ...],
        styles: tuple[str, ...],
        num_taps: int,
        dim: int,
        outputs: int = 52,
        d_model: int = 128,
        layout: str = "mama",
        stride: int = 2,
        window: int = 12,
        emotion_dim: int = 32,
        style_dim: int = 8,
        d_state: int = 8,
        dropout: float = 0.1,
        conditioning: str = "film",
        soft: bool = True,
        voice_dim: int = 192,
        units: tuple[str, ...] = (),
        feature_dropout: float = 0.3,
    ):
        super().__init__()
        self.num_taps, self.dim, self.stride = num_taps, dim, stride
        voice_dim = min(voice_dim, num_taps * dim)
        self.articulation = Articulation(num_taps * dim, voice_dim, tuple(units), len(MOUTH))
        self.feature_dropout = feature_dropout
        self.project = nn.Linear(voice_dim + len(units), d_model)
        self.pool = nn.Conv1d(d_model, d_model, 2 * stride + 1, stride=stride, padding=stride // 2 + 1)
        self.emotion = EmotionCondition(tuple(classes), emotion_dim, soft)
        self.style = nn.Embedding(len(styles), style_dim)
        condition_dim = emotion_dim + style_dim
        self.stack = HybridStack(
            layout,
            d_model,
            window=window,
            condition_dim=condition_dim,
            d_state=d_state,
            dropout=dropout,
            conditioning=conditioning,
        )
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Sequential(
            nn.Linear(d_model + condition_dim, d_model), nn.GELU(), nn.Linear(d_model, stride * outputs)
        )
        nn.init.zeros_(self.output[-1].weight)
        nn.init.zeros_(self.output[-1].bias)

    def forward(
        self,
        features: torch.Tensor,
        posteriors: torch.Tensor,
        intensity: torch.Tensor,
        style: torch.Tensor,
        mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """
        Args:
            features: (B, T, L, D) encoder layers.
            posteriors: (B, T, C).
            intensity: (B, T) in [0, 1].
            style: (B,) style numbers.
            mask: (B, T) with 1 for frames that exist.

        Returns:
            (B, T, K) coefficients, not yet clipped to [0, 1].
        """
        with torch.no_grad():
            heard = self.articulation.hear(features)
        x, condition = self.listen(heard, posteriors, intensity, style, mask)
        if mask is not None:
            fill = -features.shape[1] % self.stride
            mask = F.pad(mask, (0, fill)).unflatten(1, (-1, self.stride)).amax(-1)
        return self.move(self.stack(x, condition, mask), condition)[:, : features.shape[1]]

    def listen(
        self,
        heard: tuple[torch.Tensor, torch.Tensor],
        posteriors: torch.Tensor,
        intensity: torch.Tensor,
        style: torch.Tensor,
        mask: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Input (B, S, D) and condition (B, S, K) of the stack, S = ceil(T / stride).

        Args:
            heard: what `Articulation.hear` gives; the others as in `forward`.
        """
        voice, logits = heard
        frames, stride = voice.shape[1], self.stride
        style_rows = self.style(style)[:, None].expand(-1, frames, -1)
        condition = torch.cat([self.emotion(posteriors, intensity), style_rows], dim=-1)
        x = torch.cat([voice, SCALE * logits], -1)
        if self.training and self.feature_dropout:
            x = F.dropout1d(x.transpose(1, 2), self.feature_dropout).transpose(1, 2)
        x = self.dropout(self.project(x))
        if mask is not None:
            x = x * mask.unsqueeze(-1)
        fill = -frames % stride
        slow = (frames + fill) // stride
        x = F.gelu(self.pool(F.pad(x.transpose(1, 2), (0, fill)))[..., :slow]).transpose(1, 2)
        # The last frame's condition stands for those that fill up the last slow frame.
        condition = F.pad(condition.transpose(1, 2), (0, fill), mode="replicate" if fill else "constant")
        return x, F.avg_pool1d(condition, stride).transpose(1, 2)

    def move(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """What the stack gives (B, S, D), and the condition, to coefficients (B, S x stride, K)."""
        return self.output(torch.cat([x, condition], dim=-1)).unflatten(-1, (self.stride, -1)).flatten(1, 2)
