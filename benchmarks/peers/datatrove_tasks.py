"""Datatrove: one task for each source file; tasks with a completion mark are skipped."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datatrove.data import Document
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.writers import ParquetWriter

from benchmarks.peers.work import BATCH, WORKERS, make, shards, single_thread


class Make(PipelineStep):  # type: ignore[misc]
    """The work on batches of documents, whose image is in their metadata."""

    name = "Make"

    def run(self, data: Iterator[Document], rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Yield the documents with another image and a score."""
        single_thread()
        while documents := list(itertools.islice(data, BATCH)):
            images, scores = make([document.metadata["image"]["bytes"] for document in documents])
            for document, image, score in zip(documents, images, scores, strict=True):
                document.metadata = {"image": image, "brisque": score}
                yield document


def adapted(reader: Any, data: dict[str, Any], path: str, place: int) -> dict[str, Any]:
    """The document of a row: its text must not be empty."""
    return {"text": data["key"], "id": data["key"], "metadata": {"image": data["image"]}}


def written(writer: Any, document: Document) -> dict[str, Any]:
    """The row of a document."""
    return {"key": document.id, **document.metadata}


def main(source: str, out: str) -> None:
    """Run what is not completed."""
    files = shards(source, "parquet")
    executor = LocalPipelineExecutor(
        [
            ParquetReader(str(Path(source, "data")), adapter=adapted, glob_pattern="*.parquet"),
            Make(),
            ParquetWriter(out, adapter=written),
        ],
        tasks=len(files),
        workers=WORKERS,
        logging_dir=f"{out}.logs",
    )
    executor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
