"""A detector of tints as an ONNX file: live where red and blue are alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest


def write_detector(path: Path, size: int, limit: float = 0.1, batch: int | str = "N") -> str:
    """Write [0, limit − |mean red − mean blue|] as logits of spoof and live; returns the path."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    make = onnx.helper
    constants = {
        "axes": np.array([2, 3], np.int64),
        "difference": np.array([[1], [0], [-1]], np.float32),
        "weights": np.array([[0, -1]], np.float32),
        "bias": np.array([0, limit], np.float32),
    }
    nodes = [
        make.make_node("ReduceMean", ["faces", "axes"], ["colour"], keepdims=0),
        make.make_node("MatMul", ["colour", "difference"], ["signed"]),
        make.make_node("Abs", ["signed"], ["apart"]),
        make.make_node("MatMul", ["apart", "weights"], ["weighed"]),
        make.make_node("Add", ["weighed", "bias"], ["logits"]),
    ]
    kind = onnx.TensorProto.FLOAT
    graph = make.make_graph(
        nodes,
        "tints",
        [make.make_tensor_value_info("faces", kind, [batch, 3, size, size])],
        [make.make_tensor_value_info("logits", kind, [batch, 2])],
        [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return str(path)
