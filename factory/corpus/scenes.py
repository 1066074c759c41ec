"""What was in the scene of each rendered picture: a table beside the corpus, joined by `key`."""

from __future__ import annotations

import pyarrow as pa

from factory.corpus.side_table import SideTable

_TEXT, _NUMBER = pa.string(), pa.float64()
SCHEMA = pa.schema(
    [
        ("key", _TEXT),
        (
            "live_key",
            _TEXT,
        ),  # the live picture of the same person, domain and capture: a spoof's pair, a live one itself
        ("sex", _TEXT),
        ("age", _NUMBER),  # years
        ("tone", _NUMBER),  # the skin's own typology angle (ITA) in degrees, before any light or camera
        ("yaw", _NUMBER),  # of the head, degrees
        ("pitch", _NUMBER),
        ("roll", _NUMBER),
        ("room", _TEXT),
        ("camera", _TEXT),
    ]
)
SCENES = SideTable("scenes.parquet", SCHEMA)
