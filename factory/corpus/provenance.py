"""What an image says of its own origin: the IPTC Digital Source Type, in an XMP packet of one length for all.

Live and spoof images are marked alike, so that neither the presence nor the size of the mark tells them apart; the
value of the mark, of course, does. docs/publishing.md says which image gets which value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal, get_args

import numpy as np

VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"

# The terms of the vocabulary, retired ones included; from what a camera saw to what a model made up.
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
# Nothing in them was ever before a camera.
INVENTED = frozenset(
    {"digitalCreation", "digitalArt", "softwareImage", "dataDrivenMedia", DRAWN, "trainedAlgorithmicMedia"}
)

_LONGEST = max(map(len, TERMS))
# Terms longest first: `composite` begins other terms, and no separator follows a term in a C2PA manifest.
_MARK = re.compile(
    rb"cv\.iptc\.org/newscodes/digitalsourcetype/(%s)" % "|".join(sorted(TERMS, key=len)[::-1]).encode()
)


def xmp_packet(source_type: SourceType) -> bytes:
    """The XMP packet that marks an image; every term gives the same number of bytes."""
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
    """What an image file says of its origin, in XMP or in a C2PA manifest; of several terms the least of a capture.

    Found by the vocabulary's address in the bytes of the file, so a compressed PNG text chunk is not seen. [ours]
    """
    found: set[Any] = {match.decode() for match in _MARK.findall(data)}
    return max(found, key=TERMS.index, default=None)


def source_type_of_spoof(inputs: Iterable[SourceType], trained: bool) -> SourceType:
    """The mark of a generated spoof, by those of its live face and its guide. [ours]

    A capture that a trained model altered is a composite; where nothing was ever captured, the model made it all.
    `trained` is false of the dummy generator, which is a formula.
    """
    captured = any(each not in INVENTED for each in inputs)
    if trained:
        return "compositeWithTrainedAlgorithmicMedia" if captured else "trainedAlgorithmicMedia"
    return "algorithmicallyEnhanced" if captured else DRAWN


def size_auc(live: Sequence[int], spoof: Sequence[int]) -> dict[str, float] | None:
    """How well the size of a file tells spoof from live: the chance that a spoof's is the larger; None without both.

    0.5 says nothing; 0 and 1 tell them apart. Ties count half.
    """
    if not live or not spoof:
        return None
    ordered = np.sort(live)
    below = np.searchsorted(ordered, spoof, "left") + np.searchsorted(ordered, spoof, "right")
    return {"auc": float(below.mean() / 2 / len(live)), "live": len(live), "spoof": len(spoof)}
