"""Embeddings are those of the network named, or of a side table's lines, wherever these stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import timm
from safetensors.torch import save_file

from benchmarks.corpora import row, write_corpus
from factory.audit.semantic.embed import (
    EmbedShard,
    Tools,
    embedder_identity,
    lines_of,
    load,
    located,
    read_lines,
)
from factory.audit.semantic.settings import SemanticConfig
from factory.audit.semantic.tables import VECTORS, read_vectors
from factory.audit.semantic.vectors import whole
from factory.corpus import pixels
from factory.corpus.identity import load_embedder
from factory.line.walk import place_of
from factory.storage import Storage
from tests.factory.audit.semantic.made import write_side_table

TOOLS = Tools("structure", "", 8, 1)


def config(**given: Any) -> SemanticConfig:
    return SemanticConfig.model_validate(given)


def test_a_shard_is_embedded_by_the_network(tmp_path: Path) -> None:
    rows = [row(number) for number in range(5)]
    corpus = write_corpus(tmp_path / "faces", rows)
    shard = corpus.index["shard"][0].as_py()
    task: Any = {"shard": "a", "url": corpus.storage.url, "source": shard, "side_table": "", "lines": np.empty(0)}
    task |= {"place": place_of(VECTORS, "a"), "positions": np.array([3, 1]), "keys": [rows[3].key, rows[1].key]}
    done = EmbedShard(str(tmp_path / "out"), TOOLS, "")(task)
    assert (done["planned"], done["fault"]) == (2, "")
    wanted = whole(load_embedder("structure")(pixels([rows[3], rows[1]])))
    assert np.array_equal(read_vectors(Storage(str(tmp_path / "out")), "a"), wanted)


def test_lines_of_a_side_table_are_found_wherever_they_stand(tmp_path: Path) -> None:
    keys = [f"k{number}" for number in range(11)]
    vectors: list[list[float] | None] = [[float(number), 1.0] for number in range(11)]
    vectors[7] = None
    url = write_side_table(tmp_path / "side", keys, embedding=vectors, pixels=pa.array([1] * 11))
    lines = lines_of(url, pa.array(["k9", "k0", "k7", "k3"]))
    assert lines.tolist() == [9, 0, 7, 3]
    assert read_lines(url, "embedding", lines).tolist() == [[9, 1], [0, 1], [0, 0], [3, 1]]
    with pytest.raises(ValueError, match="does not know 'x', nor 1 more rows that are compared: annotate them"):
        lines_of(url, pa.array(["k1", "x", "y"]))
    with pytest.raises(ValueError, match="column pixels is of int64: an embedding is a list of numbers"):
        read_lines(url, "pixels", lines)
    uneven = write_side_table(tmp_path / "uneven", ["a", "b"], embedding=[[1.0], [1.0, 2.0]])
    with pytest.raises(ValueError, match=r"lists of \[1, 2\] numbers"):
        read_lines(uneven, "embedding", np.array([0, 1]))
    fixed = pa.array([[1, 2], [3, 4]], pa.list_(pa.int32(), 2))
    whole_numbers = write_side_table(tmp_path / "fixed", ["a", "b"], embedding=fixed)
    assert read_lines(whole_numbers, "embedding", np.array([1])).tolist() == [[3, 4]]


def test_a_shard_of_a_side_table_needs_no_image(tmp_path: Path) -> None:
    url = write_side_table(tmp_path / "side", ["a", "b"], mine=[[3.0, 4.0], [1.0, 0.0]])
    task: Any = {"shard": "s", "url": "/nowhere", "source": "s", "side_table": url, "lines": np.array([1, 0])}
    task |= {"place": place_of(VECTORS, "s"), "positions": np.array([0, 1]), "keys": ["b", "a"]}
    EmbedShard(str(tmp_path / "out"), TOOLS, "mine")(task)
    assert read_vectors(Storage(str(tmp_path / "out")), "s").tolist() == [[4000, 0], [2400, 3200]]


def test_what_embeds_is_identified_by_content(tmp_path: Path) -> None:
    assert embedder_identity(config(), "") == {"embedder": "structure", "digest": "structure-16"}
    one = write_side_table(tmp_path / "one", ["a"], embedding=[[1.0]])
    other = write_side_table(tmp_path / "other", ["b"], embedding=[[1.0]])
    found = embedder_identity(config(embeddings={"generated": one, "training": other}), "")
    assert found["column"] == "embedding" and found["generated"] != found["training"]
    with pytest.raises(ValueError, match=r"has no column 'mine', only \['key', 'embedding'\]: set semantic.embed"):
        embedder_identity(config(embeddings={"generated": one, "training": other, "column": "mine"}), "")
    with pytest.raises(ValueError, match="without a tag it has random weights: give NAME.TAG or local-dir:FOLDER"):
        embedder_identity(config(embedder="resnet18"), "")


def test_a_backbone_in_a_folder_embeds(tmp_path: Path) -> None:
    network = timm.create_model("test_convnext", num_classes=0)
    folder = tmp_path / "net"
    folder.mkdir()
    save_file(network.state_dict(), folder / "model.safetensors")
    (folder / "config.json").write_text('{"architecture": "test_convnext", "num_classes": 0}')
    given = config(embedder=f"local-dir:{folder}")
    assert embedder_identity(given, "")["embedder"] == "backbone"
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    embed = load(Tools(located(given), "", 2, 1))
    found = embed(images)
    assert found.shape == (3, network.num_features)
    assert np.allclose(embed(images[2:]), found[2:], atol=1e-4)
