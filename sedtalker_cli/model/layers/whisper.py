"""Whisper's encoder, lower layers only (Radford et al. 2022, arXiv 2212.04356); parameters named as in transformers."""

import torch
from torch import nn
from torch.nn import functional as F

from sedtalker_cli.model.layers.mel import LogMel


class SelfAttention(nn.Module):
    """Multi-head attention over all frames; keys have no bias.

    Args:
        d_model: size of a frame.
        num_heads: heads.
    """

    def __init__(self, d_model: int, num_heads: int):
        super().__init__()
        self.num_heads = num_heads
        self.k_proj = nn.Linear(d_model, d_model, bias=False)
        self.v_proj = nn.Linear(d_model, d_model)
        self.q_proj = nn.Linear(d_model, d_model)
        self.out_proj = nn.Linear(d_model, d_model)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """(B, T, D) to (B, T, D); `mask` (B, T), False or 0 for frames that are ignored."""
        q, k, v = (
            project(x).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        seen = None if mask is None else mask[:, None, None].bool()
        mixed = F.scaled_dot_product_attention(q, k, v, seen)
        return self.out_proj(mixed.transpose(1, 2).flatten(2))


class WhisperLayer(nn.Module):
    """Attention and a feed-forward block, each after a layer norm and added to its input.

    Args:
        d_model, num_heads, ffn_dim: sizes.
        dropout: probability while training.
    """

    def __init__(self, d_model: int, num_heads: int, ffn_dim: int, dropout: float = 0.0):
        super().__init__()
        self.self_attn = SelfAttention(d_model, num_heads)
        self.self_attn_layer_norm = nn.LayerNorm(d_model)
        self.fc1 = nn.Linear(d_model, ffn_dim)
        self.fc2 = nn.Linear(ffn_dim, d_model)
        self.final_layer_norm = nn.LayerNorm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """(B, T, D) to (B, T, D); `mask` as in `SelfAttention`."""
        x = x + self.dropout(self.self_attn(self.self_attn_layer_norm(x), mask))
        return x + self.dropout(self.fc2(self.dropout(F.gelu(self.fc1(self.final_layer_norm(x))))))


class WhisperStem(nn.Module):
    """Log-mel frames to the input of the first layer; holds the layers too, so that names are as published.

    Args:
        num_layers: encoder layers that exist.
        d_model, encoder_attention_heads, encoder_ffn_dim, num_mel_bins, max_source_positions: as in
            `transformers.WhisperConfig`.
    """

    def __init__(
        self,
        num_layers: int,
        d_model: int,
        encoder_attention_heads: int,
        encoder_ffn_dim: int,
        num_mel_bins: int,
        max_source_positions: int,
    ):
        super().__init__()
        self.conv1 = nn.Conv1d(num_mel_bins, d_model, 3, padding=1)
        self.conv2 = nn.Conv1d(d_model, d_model, 3, stride=2, padding=1)
        self.embed_positions = nn.Embedding(max_source_positions, d_model)
        self.layers = nn.ModuleList(
            WhisperLayer(d_model, encoder_attention_heads, encoder_ffn_dim) for _ in range(num_layers)
        )

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """(B, mel bins, 2 T) to (B, T, D)."""
        hidden = F.gelu(self.conv2(F.gelu(self.conv1(mel)))).transpose(1, 2)
        return hidden + self.embed_positions.weight[: hidden.shape[1]]


class WhisperLayers(nn.Module):
    """The lower layers of a Whisper encoder, run on exactly the sound's length (no padding to 30 s).

    Args:
        num_layers: encoder layers that exist.
        taps: 1-based layers whose output is kept; 0 is the input of the first layer.
        **sizes: as in `WhisperStem`.
    """

    def __init__(self, num_layers: int, taps: tuple[int, ...], **sizes: int):
        super().__init__()
        self.mel = LogMel(sizes["num_mel_bins"])
        self.encoder = WhisperStem(num_layers, **sizes)
        self.taps = tuple(taps)

    def forward(self, waveform: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """
        Args:
            waveform: (B, N), N a multiple of 320, at most 30 s.
            mask: (B, N / 320) bool, False for frames of padding.

        Returns:
            (B, N / 320, L, D) hidden states of the tapped layers.
        """
        hidden = self.encoder(self.mel(waveform))
        kept = [hidden] if 0 in self.taps else []
        for number, layer in enumerate(self.encoder.layers[: max(self.taps)], start=1):
            hidden = layer(hidden, mask)
            if number in self.taps:
                kept.append(hidden)
        return torch.stack(kept, dim=2)
