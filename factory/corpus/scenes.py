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
        ("head_yaw", _NUMBER),  # degrees to the person's left
        ("head_pitch", _NUMBER),  # up
        ("head_roll", _NUMBER),  # to the left shoulder
        ("room", _TEXT),
        ("distance", _NUMBER),  # of the camera, metres
        ("light", _NUMBER),  # mean radiance at the camera; 1 is 100 cd/m²
        # What an attack is made of. Of a live picture all are null; of a spoof those that its attack has are not.
        *((name, _TEXT) for name in ("form", "format", "paper", "screening", "device")),
        ("yaw", _NUMBER),  # of the sheet, the display or the mask's wearer, degrees
        ("pitch", _NUMBER),
        ("roll", _NUMBER),
        ("width", _NUMBER),  # metres, here and below
        ("height", _NUMBER),
        ("border", _NUMBER),
        ("screen_pitch", _NUMBER),  # of a printer's dots
        ("pixel_pitch", _NUMBER),  # of a display
        ("photosite_pitch", _NUMBER),  # of the camera, at the display
        ("scale", _NUMBER),  # size of the shown face, 1 is life
        ("bend", _NUMBER),  # curvature of a sheet, one over metres
        ("fold", _NUMBER),  # radians
        ("curl", _NUMBER),
        ("brightness", _NUMBER),  # of a display's white; 1 is 100 cd/m²
        ("roughness", _NUMBER),  # of its glass
        ("hands", _NUMBER),  # that hold it
    ]
)
SCENES = SideTable("scenes.parquet", SCHEMA)
