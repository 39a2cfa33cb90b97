"""The diarizer's network: encoder features to logits and intensity of every frame."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from sedtalker_cli.emotion.decoding import decode_labels, runs_of
from sedtalker_cli.model.features import Features
from sedtalker_cli.model.layers.hybrid import HybridStack
from sedtalker_cli.model.layers.mix import LayerMix
from sedtalker_cli.model.layers.whisper import WhisperLayer
from sedtalker_cli.model.statistics import StatisticsNetwork, deviation_of, statistics_of
from sedtalker_cli.model.windows import windowed


class TunedLayers(nn.Module):
    """Copies of the encoder's upper layers, fine-tuned for emotion; they start from the lowest kept layer.

    Args:
        num_layers: how many.
        dim: size of the encoder's frames; heads have 64 channels and the inner layer is four times as wide, as in
            every Whisper model.
        dropout: probability inside the layers while training.
    """

    def __init__(self, num_layers: int, dim: int, dropout: float = 0.1):
        super().__init__()
        self.layers = nn.ModuleList(WhisperLayer(dim, max(1, dim // 64), 4 * dim, dropout) for _ in range(num_layers))

    def forward(self, features: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """(B, T, L, D), of which the lowest layer is used, to (B, T, 1 + num_layers, D)."""
        hidden = features[:, :, 0]
        kept = [hidden]
        for layer in self.layers:
            hidden = layer(hidden, mask)
            kept.append(hidden)
        return torch.stack(kept, dim=2)


class DiarizerNetwork(nn.Module):
    """Three answers for every frame, added with fitted weights.

    A hybrid stack hears the encoder's layers as they are. A small network judges their mean and deviation, first in a
    window around each frame; then, where the changes of emotion have been found, over each stretch between two of them,
    as a person would judge a whole sentence. Statistics are centred by the mean of all speakers, or of the speaker
    where they are known, and scaled by the usual spread.

    Args:
        num_classes: C.
        num_taps, dim: of the encoder.
        d_model: width of the stack.
        layout: time mixers of the stack as in `HybridStack`.
        stride: encoder frames per slow frame.
        window: attention reach in slow frames.
        statistics: slow frames whose statistics are taken around each, odd.
        longest: frames of the longest stretch that is judged as one; longer ones are cut evenly.
        tuned_layers: upper encoder layers that are trained along, 0 for none.
        prior_frames: weight of the centre of all speakers against a speaker's own mean, in frames.
        dropout: probability.

    Attributes:
        statistics: one `StatisticsNetwork` for unknown, one for known speakers; C class logits and intensity.
        shares: (2, 2) weights of the class logits of stack and windows, for unknown and known speakers.
        stretch_shares: (2, 2) weights of these together, and of the class logits of the stretches.
        level_shares: (2, 2) weights of the intensity logits of stack and stretches.
        stretch_decoding: (2,) shortest stretch in frames and cost of a change in nats, as in `decode_labels`.
    """

    def __init__(
        self,
        num_classes: int,
        num_taps: int,
        dim: int,
        d_model: int = 160,
        layout: str = "mam",
        stride: int = 4,
        window: int = 50,
        d_state: int = 8,
        statistics: int = 37,
        longest: int = 600,
        tuned_layers: int = 0,
        prior_frames: int = 500,
        dropout: float = 0.2,
    ):
        super().__init__()
        if min(stride, window, statistics, longest) < 1:
            raise ValueError("stride, window, statistics and longest must be at least 1")
        self.num_taps, self.dim = num_taps, dim
        self.stride, self.around, self.longest, self.prior_frames = stride, statistics, longest, prior_frames
        self.tuned = TunedLayers(tuned_layers, dim) if tuned_layers else None
        taps = 1 + tuned_layers if tuned_layers else num_taps
        self.mix = LayerMix(taps)
        self.project = nn.Linear(dim, d_model)
        self.pool = nn.Conv1d(d_model, d_model, 2 * stride, stride=stride, padding=stride // 2)
        self.stack = HybridStack(layout, d_model, window=window, d_state=d_state, dropout=dropout)
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(d_model, num_classes)
        self.intensity = nn.Linear(d_model, 1)
        self.statistics = nn.ModuleList(StatisticsNetwork(taps * dim, num_classes + 1) for _ in range(2))
        self.register_buffer("centre", torch.zeros(taps, dim))
        self.register_buffer("spread", torch.ones(taps, dim))
        for name in ("shares", "stretch_shares", "level_shares"):
            self.register_buffer(name, torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
        self.register_buffer("stretch_decoding", torch.tensor([30.0, 5.0]))

    def forward(
        self, features: torch.Tensor, mask: torch.Tensor | None = None, centre: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of stack and windows; `rescore` adds those of the stretches.

        Args:
            features: (B, T, L, D) encoder layers.
            mask: (B, T) with 1 for frames that exist.
            centre: (L', D) centre of the speaker, None where they are not known.

        Returns:
            logits (B, T, C) and intensity logits (B, T).
        """
        return self.answer(self.tune(features, mask), mask, centre)

    def answer(
        self, features: torch.Tensor, mask: torch.Tensor | None = None, centre: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """As `forward`, from what `tune` gives."""
        answer, windows = self.stack_answer(features, mask), self.window_answer(features, mask, centre)
        return self.unite(answer, windows, features.shape[1], centre)

    def answer_in_pieces(
        self, features: Features, centre: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """As `answer`, for what `tune` gives of one recording (T, L', D) of any length: (1, T, C) and (1, T)."""

        def listen(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            x = x.to(self.centre)
            return self.stack_input(x)[0], self.window_answer(x, None, centre)

        # Pooling and statistics hear no further than this; the stack takes the recording as a whole.
        context = self.stride * (self.around // 2 + 2)
        x, windows = windowed(listen, [features], core=250 * self.stride, context=context, stride=self.stride)
        answer = self.read(self.stack.in_pieces(x[None]))
        return self.unite(answer, windows[None], len(features), centre)

    def unite(
        self, answer: torch.Tensor, windows: torch.Tensor, frames: int, centre: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Answers of stack and windows at slow frames to logits (B, T, C) and intensity logits (B, T)."""
        stack, share = self.shares[0 if centre is None else 1]
        both = torch.cat([stack * answer[..., :-1] + share * windows, answer[..., -1:]], dim=-1).transpose(1, 2)
        fast = F.interpolate(both, scale_factor=self.stride, mode="linear")[..., :frames].transpose(1, 2)
        return fast[..., :-1], fast[..., -1]

    def rescore(
        self,
        features: Features,
        logits: torch.Tensor,
        intensity: torch.Tensor,
        centre: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Add the logits of the stretches between two changes of emotion, each judged as a whole.

        Args:
            features: (T, L', D) of a whole recording, from `tune`.
            logits, intensity: (T, C) and (T,) of `forward`.
            centre: as `forward` takes it.

        Returns:
            logits (T, C) and intensity logits (T,).
        """
        case = 0 if centre is None else 1
        if not self.stretch_shares[case, 1] and not self.level_shares[case, 1]:
            return logits, intensity
        answers = self.stretch_answer(features, self.stretches(logits), centre)
        (first, stretch), (level, stretch_level) = self.stretch_shares[case], self.level_shares[case]
        return (
            first * logits + stretch * answers[:, :-1],
            level * intensity + stretch_level * answers[:, -1],
        )

    def stretches(self, logits: torch.Tensor) -> list[tuple[int, int]]:
        """Stretches (first frame, frame after the last) that the class logits (T, C) of a recording fall into."""
        shortest, cost = self.stretch_decoding.tolist()
        labels = decode_labels(logits.softmax(-1).cpu().numpy(), round(shortest), cost)
        found = []
        for start, stop, _ in runs_of(labels):
            edges = np.linspace(start, stop, -(-(stop - start) // self.longest) + 1).round().astype(int).tolist()
            found += pairwise(edges)
        return found

    def stretch_answer(
        self, features: Features, stretches: Sequence[tuple[int, int]], centre: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Class and intensity logits (T, C + 1) of each frame's stretch; the stretches tile the features (T, L', D)."""
        standard = (self.standard(features[start:stop].to(self.centre)).flatten(1) for start, stop in stretches)
        answers = self.judge(*statistics_of(standard, len(stretches)), centre)
        lengths = torch.tensor([stop - start for start, stop in stretches], device=answers.device)
        return answers.repeat_interleave(lengths, 0)

    def judge(self, mean: torch.Tensor, deviation: torch.Tensor, centre: torch.Tensor | None) -> torch.Tensor:
        """Class and intensity logits (..., C + 1) from statistics (..., L' x D) of standard features."""
        if centre is None:
            return self.statistics[0](mean, deviation)
        return self.statistics[1](mean - self.centre_shift(centre), deviation)

    def tune(self, features: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Encoder features (B, T, L, D) through the tuned layers, if there are any: (B, T, L', D)."""
        return features if self.tuned is None else self.tuned(features, mask)

    def window_answer(
        self, features: torch.Tensor, mask: torch.Tensor | None, centre: torch.Tensor | None
    ) -> torch.Tensor:
        """Class logits (B, S, C) from statistics around each slow frame, or zeros where they have no share."""
        if self.shares[0 if centre is None else 1, 1]:
            return self.judge(*self.local(features, mask), centre)[..., :-1]
        slow = -(-features.shape[1] // self.stride)
        return features.new_zeros(len(features), slow, self.classify.out_features)

    def stack_answer(self, features: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Class and intensity logits of the stack (B, S, C + 1) at slow frames, from tuned features (B, T, L', D)."""
        x, mask = self.stack_input(features, mask)
        return self.read(self.stack(x, mask=mask))

    def read(self, x: torch.Tensor) -> torch.Tensor:
        """Class and intensity logits (B, S, C + 1) from what the stack gives (B, S, d_model)."""
        x = self.dropout(x)
        return torch.cat([self.classify(x), self.intensity(x)], dim=-1)

    def stack_input(
        self, features: torch.Tensor, mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Slow frames (B, S, d_model) and their mask (B, S), from tuned features (B, T, L', D)."""
        x = self.project(self.mix(features))
        x = self.dropout(x)
        fill = -features.shape[1] % self.stride
        if mask is not None:
            mask = mask.to(x)
            x = x * mask.unsqueeze(-1)
            mask = F.pad(mask, (0, fill)).unflatten(1, (-1, self.stride)).amax(-1)
        return F.gelu(self.pool(F.pad(x.transpose(1, 2), (0, fill)))).transpose(1, 2), mask

    def standard(self, features: torch.Tensor) -> torch.Tensor:
        """Features (..., L', D), each layer normalised, then centred and scaled by what is usual."""
        return F.layer_norm(features, features.shape[-1:]).sub_(self.centre).div_(self.spread)

    def local(self, features: torch.Tensor, mask: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and deviation (B, S, L' x D) of standard features in a window around each slow frame."""
        x = self.standard(features).flatten(2)
        if mask is None:
            mask = x.new_ones(x.shape[:2])
        else:
            mask = mask.to(x)
            x = x * mask[..., None]
        fill = -x.shape[1] % self.stride
        x, mask = F.pad(x, (0, 0, 0, fill)), F.pad(mask, (0, fill))
        slow = (y.unflatten(1, (-1, self.stride)).mean(2) for y in (x, x**2, mask[..., None]))
        x, square, mask = (
            F.avg_pool1d(y.transpose(1, 2), self.around, stride=1, padding=self.around // 2).transpose(1, 2)
            for y in slow
        )
        mean, square = x / mask.clamp(min=1e-6), square / mask.clamp(min=1e-6)
        return mean, deviation_of(mean, square)

    def centre_shift(self, centre: torch.Tensor) -> torch.Tensor:
        """What a speaker's centre (..., L', D) takes off the means of standard features: (..., L' x D)."""
        return ((centre - self.centre) / self.spread).flatten(-2)

    def centre_of(self, total: torch.Tensor, frames: int) -> torch.Tensor:
        """Centre of a speaker, drawn towards that of all where little is known of them.

        Args:
            total: (L', D) sum of their normalised frames.
            frames: their number.
        """
        return (total + self.prior_frames * self.centre) / (frames + self.prior_frames)
