"""Turns pixels into rows: encodes them with the configured codec and scores the pixels that a reader will decode."""

from __future__ import annotations

import io
import math
from typing import Any, Required, TypedDict

import numpy as np
from PIL import Image, PngImagePlugin

from factory.corpus.detected import Detected
from factory.corpus.provenance import SourceType, xmp_packet
from factory.corpus.row import Facts, Row
from factory.corpus.shards import OutputConfig
from factory.images import decode
from factory.run.record import Reject


class Saving(TypedDict, total=False):
    """Arguments of Pillow's `save`."""

    format: Required[str]
    compress_level: int
    lossless: bool
    quality: int
    method: int
    subsampling: int
    pnginfo: PngImagePlugin.PngInfo
    xmp: bytes


# (Pillow format, options) by codec, chosen by benchmarks/encoding.md. They are fixed: equal bytes are promised.
_LOSSLESS: dict[str, Saving] = {
    "png": {"format": "PNG", "compress_level": 3},
    "webp": {"format": "WEBP", "lossless": True, "quality": 0, "method": 0},
}
_LOSSY: dict[str, Saving] = {
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
    options = (_LOSSLESS if output.quality is None else _LOSSY)[output.codec].copy()
    if output.quality is not None:
        options["quality"] = output.quality
    packet = xmp_packet(source_type)
    if output.codec == "png":
        info = options["pnginfo"] = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", packet.decode())
    else:
        options["xmp"] = packet
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, **options)
    return buffer.getvalue()


class ImageRecord(TypedDict, total=False):
    """What is known of an image before it becomes a row or a reject."""

    row: Required[Facts]  # all but what encoding adds; of a reject `key`, `source` and `license` are enough
    reject: Required[str | None]  # the reason
    source_type: Required[SourceType]  # the origin with which the image is marked
    live_source_type: SourceType  # of a spoof's live face
    detected: Detected  # what the face detector saw, if it looked
    live_bytes: int  # size of a spoof's live face as it was read


def encode_and_score(
    records: list[ImageRecord], pixels: np.ndarray, output: OutputConfig
) -> tuple[list[Row], list[Reject]]:
    """Return the rows of one shard, sorted by key, and its rejects.

    Args:
        records: one per image.
        pixels: uint8 (N, H, W, 3); pixels at a reject's place are ignored.
    """
    from difffas import brisque  # loading PyTorch takes a second, which other processes of the line save

    rejects: list[Reject] = [
        {"key": str(item["row"]["key"]), "reason": item["reject"]} for item in records if item["reject"]
    ]
    kept = [place for place, item in enumerate(records) if not item["reject"]]
    if not kept:
        return [], rejects
    images = [encode(pixels[place], output, records[place]["source_type"]) for place in kept]
    seen = pixels[kept] if output.quality is None else np.stack([decode(image) for image in images])
    scores, _ = brisque.brisque(seen)  # uint8 N, H, W, 3
    rows = []
    for place, image, score in zip(kept, images, scores, strict=True):
        facts: Any = records[place]["row"]
        brisque_score = float(score) if math.isfinite(score) else None
        impl = brisque.IMPLEMENTATION
        rows.append(Row(**facts, image=image, codec=codec_name(output), brisque=brisque_score, brisque_impl=impl))
    return sorted(rows, key=lambda row: row.key), rejects
