"""What ships with this software: rendered people, and a small generator; manual: docs/embedded.md.

    people/     `embedded://people`, a corpus: 120 people before 4 cameras, live and under 5 attacks, at 128², CC0-1.0.
                difffas world --config examples/people.yaml renders it again
    aligned/    `embedded://aligned`, a corpus to fit a generator on: 44 other people at 64², every spoof with a live
                picture of the same pose and framing, CC0-1.0. difffas world --config examples/aligned.yaml
    people-64/  `embedded://people-64`, a generator for 64² that knows these people's styles, fitted on other rendered
                people: python -m factory.embedded.fit OUT
    `embedded://generator` is what to begin with: for now that of drawn faces (factory.drawn.PRETRAINED)

`difffas verify embedded://people` reads every byte of that corpus again.
"""

from __future__ import annotations

from factory.core.documents import JsonObject
from factory.corpus.provenance import DRAWN
from factory.storage.embedded import GENERATOR as GENERATOR
from factory.storage.embedded import PEOPLE

LICENSE, SOURCE_TYPE = "CC0-1.0", DRAWN
# The generator's training pairs (docs/training.md): a training that goes on from it does well to keep them.
PAIRS: JsonObject = {"self_pairs": 0.05, "other_camera": 0.3, "shifted_noise": 0.9}

# Content digests of the corpora, as fingerprints of runs that read them hold them: tests compare.
PEOPLE_DIGEST = "384bbc819bc2af2776fdf3a9cc887bbfef734bd37870a78bd85499f450fc40f7"


def smaller(size: int, out: str) -> JsonObject:
    """Settings of `prepare` that copy the embedded people, with their splits, into a corpus of another size."""
    return {
        "source": f"{PEOPLE}/data",
        "out": out,
        "crop": "none",
        "size": size,
        "license": LICENSE,
        "digital_source_type": SOURCE_TYPE,
        "output": {"rows_per_shard": 288},
    }


ALIGNED_DIGEST = "7a33b2144654b18feafc617e6c3ebca6870975b0910ab61e8737d306c363092d"
