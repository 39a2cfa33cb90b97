"""Whisper's layers as an ONNX graph, without their weights: these are handed over in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from sedtalker_cli.model.layers.whisper import SelfAttention, WhisperLayer, WhisperLayers, WhisperStem

INPUT, OUTPUT = "mel", "features"
OPSET, IR_VERSION = 20, 9  # with Gelu; read by ONNX Runtime from 1.17 on
ATTENTION = "com.microsoft"  # ONNX Runtime's own operator, which never holds all scores at once
NUMPY_KINDS = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.int64): TensorProto.INT64}


class EncoderGraph:
    """A graph of one window: log-mel frames (1, mel bins, 2 T) to the tapped layers (1, T, L, D).

    Args:
        layers: the network.

    Attributes:
        weights: arrays by name that the graph refers to; views of the network's own where their order allows.
    """

    def __init__(self, layers: WhisperLayers):
        self.weights: dict[str, np.ndarray] = {}
        self._nodes: list[onnx.NodeProto] = []
        self._small: list[onnx.TensorProto] = []
        self._bins = layers.encoder.conv1.in_channels
        self._heads, self._width = layers.encoder.layers[0].self_attn.num_heads, layers.encoder.conv1.out_channels
        self._tapped(layers)

    def serialised(self) -> bytes:
        """The graph as ONNX Runtime reads it."""
        inputs = [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [1, self._bins, None])]
        outputs = [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [1, None, None, self._width])]
        tensors = [*self._small, *(_outside(name, array) for name, array in self.weights.items())]
        graph = helper.make_graph(self._nodes, "encoder", inputs, outputs, tensors)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(ATTENTION, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION).SerializeToString()

    def _tapped(self, layers: WhisperLayers) -> None:
        hidden = self._stem(layers.encoder)
        kept = [hidden] if 0 in layers.taps else []
        for number, layer in enumerate(layers.encoder.layers[: max(layers.taps)], start=1):
            hidden = self._layer(hidden, layer)
            if number in layers.taps:
                kept.append(hidden)
        places = self._constant([0, 2])
        self._node("Concat", *(self._node("Unsqueeze", x, places) for x in kept), axis=2, out=OUTPUT)

    def _stem(self, stem: WhisperStem) -> str:
        """Frames (T, D) with their positions."""
        hidden = INPUT
        for conv in (stem.conv1, stem.conv2):
            sizes = {"kernel_shape": conv.kernel_size, "strides": conv.stride, "pads": 2 * conv.padding}
            hidden = self._node("Conv", hidden, self._weight(conv.weight), self._weight(conv.bias), **sizes)
            hidden = self._node("Gelu", hidden)
        hidden = self._node("Transpose", self._node("Squeeze", hidden, self._constant([0])), perm=[1, 0])
        begin, length = self._constant([0]), self._node("Shape", hidden, end=1)
        positions = self._node("Slice", self._weight(stem.embed_positions.weight), begin, length, begin)
        return self._node("Add", hidden, positions)

    def _layer(self, x: str, layer: WhisperLayer) -> str:
        x = self._node("Add", x, self._attention(self._norm(x, layer.self_attn_layer_norm), layer.self_attn))
        inner = self._node("Gelu", self._linear(self._norm(x, layer.final_layer_norm), layer.fc1))
        return self._node("Add", x, self._linear(inner, layer.fc2))

    def _attention(self, x: str, attention: SelfAttention) -> str:
        batch = self._constant([0])
        q, k, v = (
            self._node("Unsqueeze", self._linear(x, project), batch)
            for project in (attention.q_proj, attention.k_proj, attention.v_proj)
        )
        mixed = self._node("MultiHeadAttention", q, k, v, domain=ATTENTION, num_heads=self._heads)
        return self._linear(self._node("Squeeze", mixed, batch), attention.out_proj)

    def _linear(self, x: str, layer: Any) -> str:
        bias = () if layer.bias is None else (self._weight(layer.bias),)
        return self._node("Gemm", x, self._weight(layer.weight), *bias, transB=1)

    def _norm(self, x: str, norm: Any) -> str:
        weights = self._weight(norm.weight), self._weight(norm.bias)
        return self._node("LayerNormalization", x, *weights, epsilon=norm.eps)

    def _weight(self, tensor: Any) -> str:
        name = f"w{len(self.weights)}"
        self.weights[name] = np.ascontiguousarray(tensor.detach().numpy())
        return name

    def _constant(self, values: list[int]) -> str:
        name = f"c{len(self._small)}"
        self._small.append(helper.make_tensor(name, TensorProto.INT64, [len(values)], values))
        return name

    def _node(self, kind: str, *inputs: str, out: str | None = None, domain: str = "", **attributes: Any) -> str:
        out = out or f"x{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [out], domain=domain, **attributes))
        return out


def _outside(name: str, array: np.ndarray) -> onnx.TensorProto:
    """An initial value that is handed over when the graph is loaded."""
    tensor = onnx.TensorProto(name=name, data_type=NUMPY_KINDS[array.dtype], dims=array.shape)
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="memory")
    return tensor
