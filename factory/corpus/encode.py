"""Turns pixels into rows: encodes them with the configured codec and scores the pixels that a reader will decode."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from factory.corpus.provenance import SourceType, xmp_packet
from factory.corpus.row import Row
from factory.corpus.shards import OutputConfig
from factory.images import decode
from factory.run.record import Reject

# (Pillow format, options) by codec, chosen by benchmarks/encoding.md. They are fixed: equal bytes are promised.
_LOSSLESS: dict[str, dict[str, Any]] = {
    "png": {"format": "PNG", "compress_level": 3},
    "webp": {"format": "WEBP", "lossless": True, "quality": 0, "method": 0},
}
_LOSSY: dict[str, dict[str, Any]] = {
    "jpeg": {"format": "JPEG", "subsampling": 0},
    "webp": {"format": "WEBP", "method": 4},
}


def codec_name(output: OutputConfig) -> str:
    """Return the value of the `codec` column: `png`, `webp-lossless`, `jpeg-95` …"""
    if output.quality is not None:
        return f"{output.codec}-{output.quality}"
    return "png" if output.codec == "png" else f"{output.codec}-lossless"


def encode(pixels: np.ndarray, output: OutputConfig, source_type: SourceType) -> bytes:
    """Encode one image, uint8 (H, W, 3) RGB, marked with its origin; all marks have the same length."""
    options = dict((_LOSSLESS if output.quality is None else _LOSSY)[output.codec])
    if output.quality is not None:
        options["quality"] = output.quality
    packet = xmp_packet(source_type)
    if output.codec == "png":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", packet.decode())
    else:
        options["xmp"] = packet
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, **options)
    return buffer.getvalue()


def encode_and_score(
    records: list[dict[str, Any]], pixels: np.ndarray, output: OutputConfig
) -> tuple[list[Row], list[Reject]]:
    """Return the rows of one shard, sorted by key, and its rejects.

    Args:
        records: per image `{"row": facts, "reject": None or a reason, "source_type": its mark}`.
        pixels: uint8 (N, H, W, 3); pixels at a reject's place are ignored.
    """
    from difffas import brisque  # loading PyTorch takes a second, which other processes of the line save

    rejects: list[Reject] = [
        {"key": item["row"]["key"], "reason": item["reject"]} for item in records if item["reject"]
    ]
    kept = [place for place, item in enumerate(records) if not item["reject"]]
    if not kept:
        return [], rejects
    images = [encode(pixels[place], output, records[place]["source_type"]) for place in kept]
    seen = pixels[kept] if output.quality is None else np.stack([decode(image) for image in images])
    scores, _ = brisque.brisque(seen)  # uint8 N, H, W, 3
    rows = [
        Row(
            **records[place]["row"],
            image=image,
            codec=codec_name(output),
            brisque=float(score) if math.isfinite(score) else None,
            brisque_impl=brisque.IMPLEMENTATION,
        )
        for place, image, score in zip(kept, images, scores, strict=True)
    ]
    return sorted(rows, key=lambda row: row.key), rejects
