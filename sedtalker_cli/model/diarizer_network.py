"""The diarizer's network: encoder features to logits and intensity of every frame."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from sedtalker_cli.emotion.decoding import decode_labels, runs_of
from sedtalker_cli.model.features import Features, FeatureStore
from sedtalker_cli.model.layers.hybrid import HybridStack
from sedtalker_cli.model.layers.mix import LayerMix
from sedtalker_cli.model.statistics import Measure, StatisticsNetwork, deviation_of, statistics_of
from sedtalker_cli.model.windows import windowed

PLAIN_SHARE = 0.3  # of the answer by everybody's measure where the speaker is known: on few clips it is the better one
LEAST_SPEECH = 5  # frames without which a stretch is judged with its silence


class DiarizerNetwork(nn.Module):
    """Three answers for every frame, added with fitted weights.

    A hybrid stack hears the encoder's layers as they are. Small networks judge mean and deviation of the speech,
    first in a window around each frame; then, where the changes of emotion have been found, over each stretch between
    two of them, as a person would judge a whole sentence. Statistics are centred and scaled by the mean and deviation
    of all speakers, or of the speaker where they are known.

    Args:
        num_classes: C.
        num_taps, dim: of the encoder.
        d_model: width of the stack.
        layout: time mixers of the stack as in `HybridStack`.
        stride: encoder frames per slow frame.
        window: attention reach in slow frames.
        statistics: slow frames whose statistics are taken around each, odd.
        longest: frames of the longest stretch that is judged as one; longer ones are cut evenly.
        prior_frames: weight of all speakers' mean and deviation against a speaker's own, in frames.
        members, directions: as `StatisticsNetwork` takes them.
        dropout: probability.

    Attributes:
        statistics: one `StatisticsNetwork` for unknown, one for known speakers; C class logits and intensity.
        speech: logit of speech of every frame, from its normalised features.
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
        prior_frames: int = 500,
        members: int = 3,
        directions: int = 400,
        dropout: float = 0.2,
    ):
        super().__init__()
        if min(stride, window, statistics, longest) < 1:
            raise ValueError("stride, window, statistics and longest must be at least 1")
        self.num_taps, self.dim = num_taps, dim
        self.stride, self.around, self.longest, self.prior_frames = stride, statistics, longest, prior_frames
        self.mix = LayerMix(num_taps)
        self.project = nn.Linear(dim, d_model)
        self.pool = nn.Conv1d(d_model, d_model, 2 * stride, stride=stride, padding=stride // 2)
        self.stack = HybridStack(layout, d_model, window=window, d_state=d_state, dropout=dropout)
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(d_model, num_classes)
        self.intensity = nn.Linear(d_model, 1)
        self.statistics = nn.ModuleList(
            StatisticsNetwork(num_taps * dim, num_classes + 1, members, directions) for _ in range(2)
        )
        self.speech = nn.Linear(num_taps * dim, 1)
        self.register_buffer("centre", torch.zeros(num_taps, dim))
        self.register_buffer("spread", torch.ones(num_taps, dim))
        for name in ("shares", "stretch_shares", "level_shares"):
            self.register_buffer(name, torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
        self.register_buffer("stretch_decoding", torch.tensor([30.0, 5.0]))

    def forward(
        self, features: torch.Tensor, mask: torch.Tensor | None = None, measure: Measure | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What stack and windows answer; `rescore` brings in the stretches.

        Args:
            features: (B, T, L, D) encoder layers.
            mask: (B, T) with 1 for frames that exist.
            measure: of the speaker, None where they are not known.

        Returns:
            logits (B, T, C) and intensity logits (B, T).
        """
        answer, windows = self.stack_answer(features, mask), self.window_answer(features, mask, measure)
        return self.unite(answer, windows, features.shape[1], measure)

    def answer_in_pieces(self, features: Features, measure: Measure | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """As `forward`, for one recording (T, L, D) of any length: (1, T, C) and (1, T)."""
        answer, plain = self._plain_answers(features)
        if measure is None:
            return self.unite(answer, plain, len(features), measure)
        windows = torch.zeros_like(plain)
        if self.shares[1, 1]:
            # as `judge` has it, whose first half is known
            windows = PLAIN_SHARE * plain + (1 - PLAIN_SHARE) * self._own_windows(features, measure)
        return self.unite(answer, windows, len(features), measure)

    def _plain_answers(self, features: Features) -> tuple[torch.Tensor, torch.Tensor]:
        """Answers of stack (1, S, C + 1) and windows (1, S, C) to a recording, whoever speaks; computed once."""
        known = features.known if isinstance(features, FeatureStore) else {}
        if self not in known:

            def listen(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
                x = x.to(self.centre)
                needed = self.shares[:, 1].any()
                return self.stack_input(x)[0], self._windows(x, self.statistics[0]) if needed else self._none(x)

            x, windows = self._windowed(listen, features)
            known[self] = self.read(self.stack.in_pieces(x[None])), windows[None]
        return known[self]

    def _own_windows(self, features: Features, measure: Measure) -> torch.Tensor:
        """Class logits (1, S, C) from statistics around each slow frame, by the speaker's measure alone."""

        def judge(mean: torch.Tensor, deviation: torch.Tensor) -> torch.Tensor:
            return self.statistics[1](*measure(mean, deviation))

        return self._windowed(lambda x: (self._windows(x.to(self.centre), judge),), features)[0][None]

    def _windowed(self, network: Callable[..., Sequence[torch.Tensor]], features: Features) -> tuple[torch.Tensor, ...]:
        # Pooling and statistics hear no further than this; the stack takes the recording as a whole.
        context = self.stride * (self.around // 2 + 2)
        return windowed(network, [features], core=250 * self.stride, context=context, stride=self.stride)

    def _windows(self, features: torch.Tensor, judge: Callable[..., torch.Tensor]) -> torch.Tensor:
        return judge(*self.local(features))[..., :-1]

    def _none(self, features: torch.Tensor) -> torch.Tensor:
        slow = -(-features.shape[1] // self.stride)
        return features.new_zeros(len(features), slow, self.classify.out_features)

    def unite(
        self, answer: torch.Tensor, windows: torch.Tensor, frames: int, measure: Measure | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Answers of stack and windows at slow frames to logits (B, T, C) and intensity logits (B, T)."""
        stack, share = self.shares[0 if measure is None else 1]
        return self.spread_out(
            torch.cat([stack * answer[..., :-1] + share * windows, answer[..., -1:]], dim=-1), frames
        )

    def spread_out(self, answer: torch.Tensor, frames: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Answers (B, S, C + 1) at slow frames to logits (B, T, C) and intensity logits (B, T) of T frames."""
        fast = F.interpolate(answer.transpose(1, 2), scale_factor=self.stride, mode="linear")[..., :frames]
        return fast[:, :-1].transpose(1, 2), fast[:, -1]

    def rescore(
        self,
        features: Features,
        logits: torch.Tensor,
        intensity: torch.Tensor,
        measure: Measure | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Add the logits of the stretches between two changes of emotion, each judged as a whole.

        Args:
            features: (T, L, D) of a whole recording.
            logits, intensity: (T, C) and (T,) of `forward`.
            measure: as `forward` takes it.

        Returns:
            logits (T, C) and intensity logits (T,).
        """
        case = 0 if measure is None else 1
        if not self.stretch_shares[case, 1] and not self.level_shares[case, 1]:
            return logits, intensity
        answers = self.stretch_answer(features, self.stretches(logits), measure)
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
        self, features: Features, stretches: Sequence[tuple[int, int]], measure: Measure | None = None
    ) -> torch.Tensor:
        """Class and intensity logits (T, C + 1) of each frame's stretch; the stretches tile the features (T, L, D)."""
        standard = (self._spoken(features[start:stop].to(self.centre)) for start, stop in stretches)
        answers = self.judge(*statistics_of(standard, len(stretches)), measure)
        lengths = torch.tensor([stop - start for start, stop in stretches], device=answers.device)
        return answers.repeat_interleave(lengths, 0)

    def _spoken(self, features: torch.Tensor) -> torch.Tensor:
        """Standard features (T', L x D) of the frames of speech; of all frames where there is hardly any speech."""
        normal = F.layer_norm(features, features.shape[-1:])
        heard = self.speaks(normal) > 0
        return self._centred(normal[heard] if heard.sum() >= LEAST_SPEECH else normal).flatten(1)

    def judge(self, mean: torch.Tensor, deviation: torch.Tensor, measure: Measure | None) -> torch.Tensor:
        """Class and intensity logits (..., C + 1) from statistics (..., L x D) of standard features."""
        plain = self.statistics[0](mean, deviation)
        if measure is None:
            return plain
        return PLAIN_SHARE * plain + (1 - PLAIN_SHARE) * self.statistics[1](*measure(mean, deviation))

    def hears(self, features: torch.Tensor) -> torch.Tensor:
        """Logit (..., T) of speech in every frame, from features (..., T, L, D)."""
        return self.speaks(F.layer_norm(features, features.shape[-1:]))

    def speaks(self, normal: torch.Tensor) -> torch.Tensor:
        """As `hears`, from features of which each layer is normalised."""
        return self.speech(normal.flatten(-2)).squeeze(-1)

    def window_answer(self, features: torch.Tensor, mask: torch.Tensor | None, measure: Measure | None) -> torch.Tensor:
        """Class logits (B, S, C) from statistics around each slow frame, or zeros where they have no share."""
        if self.shares[0 if measure is None else 1, 1]:
            return self.judge(*self.local(features, mask), measure)[..., :-1]
        return self._none(features)

    def stack_answer(self, features: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Class and intensity logits of the stack (B, S, C + 1) at slow frames, from features (B, T, L, D)."""
        x, mask = self.stack_input(features, mask)
        return self.read(self.stack(x, mask=mask))

    def read(self, x: torch.Tensor) -> torch.Tensor:
        """Class and intensity logits (B, S, C + 1) from what the stack gives (B, S, d_model)."""
        x = self.dropout(x)
        return torch.cat([self.classify(x), self.intensity(x)], dim=-1)

    def stack_input(
        self, features: torch.Tensor, mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Slow frames (B, S, d_model) and their mask (B, S), from features (B, T, L, D)."""
        x = self.project(self.mix(features))
        x = self.dropout(x)
        fill = -features.shape[1] % self.stride
        if mask is not None:
            mask = mask.to(x)
            x = x * mask.unsqueeze(-1)
            mask = F.pad(mask, (0, fill)).unflatten(1, (-1, self.stride)).amax(-1)
        return F.gelu(self.pool(F.pad(x.transpose(1, 2), (0, fill)))).transpose(1, 2), mask

    def standard(self, features: torch.Tensor) -> torch.Tensor:
        """Features (..., L, D), each layer normalised, then centred and scaled by what is usual."""
        return self._centred(F.layer_norm(features, features.shape[-1:]))

    def _centred(self, normal: torch.Tensor) -> torch.Tensor:
        return normal.sub_(self.centre).div_(self.spread)

    def local(self, features: torch.Tensor, mask: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and deviation (B, S, L x D) of standard features of speech in a window around each slow frame."""
        normal = F.layer_norm(features, features.shape[-1:])
        heard = self.speaks(normal) > 0
        mask = (heard if mask is None else heard & mask.bool()).to(features)
        x = self._centred(normal).flatten(2) * mask[..., None]
        fill = -x.shape[1] % self.stride
        x, mask = F.pad(x, (0, 0, 0, fill)), F.pad(mask, (0, fill))
        slow = (y.unflatten(1, (-1, self.stride)).mean(2) for y in (x, x**2, mask[..., None]))
        x, square, mask = (
            F.avg_pool1d(y.transpose(1, 2), self.around, stride=1, padding=self.around // 2).transpose(1, 2)
            for y in slow
        )
        mean, square = x / mask.clamp(min=1e-6), square / mask.clamp(min=1e-6)
        return mean, deviation_of(mean, square)

    def measure_of(self, total: torch.Tensor, square: torch.Tensor, frames: int) -> Measure:
        """A speaker's own measure, drawn towards that of all where little is known of them.

        Args:
            total, square: (L, D) sum of their normalised frames of speech, and of the squares.
            frames: their number.
        """
        own = frames / (frames + self.prior_frames)
        mean = own * total / max(frames, 1) + (1 - own) * self.centre
        usual = self.spread**2 + self.centre**2
        deviation = (own * square / max(frames, 1) + (1 - own) * usual - mean**2).clamp(min=1e-4).sqrt()
        return Measure(((mean - self.centre) / self.spread).flatten(), (deviation / self.spread).flatten())
