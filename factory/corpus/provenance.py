"""The mark of an image's origin: the IPTC Digital Source Type, in an XMP packet whose length is always the same.

Live and spoof images are marked alike, so that neither the presence nor the size of the mark tells them apart; only
its value does. docs/publishing.md says which image gets which value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal, get_args

import numpy as np

from factory.run.record import SizeAuc

VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"

# The vocabulary's terms, including retired ones; from images that a camera saw to images that a model invented.
SourceType = Literal[
    "digitalCapture",
    "computationalCapture",
    "negativeFilm",
    "positiveFilm",
    "print",
    "screenCapture",
    "virtualRecording",
    "minorHumanEdits",
    "humanEdits",
    "compositeCapture",
    "algorithmicallyEnhanced",
    "composite",
    "digitalCreation",
    "digitalArt",
    "softwareImage",
    "dataDrivenMedia",
    "algorithmicMedia",
    "compositeSynthetic",
    "compositeWithTrainedAlgorithmicMedia",
    "trainedAlgorithmicMedia",
]
TERMS: tuple[SourceType, ...] = get_args(SourceType)
CAPTURE: SourceType = "digitalCapture"
DRAWN: SourceType = "algorithmicMedia"  # "purely by an algorithm": the embedded faces
# In these nothing was ever in front of a camera.
INVENTED = frozenset(
    {"digitalCreation", "digitalArt", "softwareImage", "dataDrivenMedia", DRAWN, "trainedAlgorithmicMedia"}
)

_LONGEST = max(map(len, TERMS))
# Longest terms first: other terms begin with `composite`, and in a C2PA manifest no separator follows a term.
_MARK = re.compile(
    rb"cv\.iptc\.org/newscodes/digitalsourcetype/(%s)" % "|".join(sorted(TERMS, key=len)[::-1]).encode()
)


def xmp_packet(source_type: SourceType) -> bytes:
    """Return the XMP packet that marks an image; every term gives the same number of bytes."""
    assert source_type in TERMS, f"{source_type} is no IPTC digital source type"
    padding = " " * (_LONGEST - len(source_type))
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
        f' Iptc4xmpExt:DigitalSourceType="{VOCABULARY}{source_type}"/>'
        f'</rdf:RDF></x:xmpmeta>{padding}<?xpacket end="r"?>'
    ).encode()


def read_source_type(data: bytes) -> SourceType | None:
    """Return the origin that an image file states, in XMP or in a C2PA manifest; None if it states no origin.

    Of several terms, the one furthest from a capture counts. Terms are found by the vocabulary's address in the bytes
    of the file, so a compressed PNG text chunk is not seen. [ours]
    """
    found: set[Any] = {match.decode() for match in _MARK.findall(data)}
    return max(found, key=TERMS.index, default=None)


def source_type_of_spoof(inputs: Iterable[SourceType], trained: bool) -> SourceType:
    """Return the mark of a generated spoof, given the marks of its live face and its guide. [ours]

    A capture altered by a trained model is a composite; if nothing was ever captured, the model made everything.
    `trained` is false for the dummy generator, which is a formula.
    """
    captured = any(each not in INVENTED for each in inputs)
    if trained:
        return "compositeWithTrainedAlgorithmicMedia" if captured else "trainedAlgorithmicMedia"
    return "algorithmicallyEnhanced" if captured else DRAWN


def size_auc(live: Sequence[int], spoof: Sequence[int]) -> SizeAuc | None:
    """Return how well file size separates the classes: the chance that a spoof's file is larger than a live face's.

    0.5 means no separation; 0 and 1 mean a perfect one. Ties count half. None if a class is missing.
    """
    if not live or not spoof:
        return None
    ordered = np.sort(live)
    below = np.searchsorted(ordered, spoof, "left") + np.searchsorted(ordered, spoof, "right")
    return {"auc": float(below.mean() / 2 / len(live)), "live": len(live), "spoof": len(spoof)}
