"""What was in the scene of each rendered picture: a table beside the corpus, joined by `key`."""

from __future__ import annotations

import pyarrow as pa

from factory.corpus.side_table import SideTable

_TEXT, _NUMBER = pa.string(), pa.float64()

_EVERY = {  # column of every picture: (type, meaning)
    "key": (_TEXT, "of the row"),
    "live_key": (_TEXT, "the live picture of the same person, domain and capture: the pair of a spoof"),
    "sex": (_TEXT, "of the person whose face is shown"),
    "age": (_NUMBER, "years"),
    "tone": (_NUMBER, "typology angle (ITA) of the skin itself, before light and camera, degrees"),
    "head_yaw": (_NUMBER, "of the live head, under a mask too, degrees to the person's left; null: print, replay"),
    "head_pitch": (_NUMBER, "as head_yaw, degrees up"),
    "head_roll": (_NUMBER, "as head_yaw, degrees to the left shoulder"),
    "room": (_TEXT, "name of the room"),
    "distance": (_NUMBER, "of the camera from the face, metres"),
    "light": (_NUMBER, "mean radiance at the camera; 1 is 100 cd/m²"),
}
_ATTACKS = {  # columns that are null unless the attack has them
    "form": (_TEXT, "variant of the attack: a flat, warped or cut print; which part of a face; what make-up is for"),
    "yaw": (_NUMBER, "of a sheet or display, degrees"),
    "pitch": (_NUMBER, "of a sheet or display, degrees"),
    "roll": (_NUMBER, "of a sheet or display, degrees"),
    "width": (_NUMBER, "of a display, printed part or paper mask, metres"),
    "height": (_NUMBER, "of a display, printed part or paper mask, metres"),
    "scale": (_NUMBER, "size of the shown face; 1 is life"),
    "hands": (_NUMBER, "number of thumbs in the picture"),
    "enrolment_side": (_NUMBER, "pixels of the picture's side that the attacker has of the face they show"),
    "format": (_TEXT, "of a print"),
    "paper": (_TEXT, "matte, satin or glossy"),
    "screening": (_TEXT, "how a printer makes shades"),
    "screen_pitch": (_NUMBER, "of a printer's dots, metres"),
    "border": (_NUMBER, "white border of a print, metres"),
    "bend": (_NUMBER, "curvature of a sheet, 1 / metre"),
    "fold": (_NUMBER, "of a sheet, radians"),
    "curl": (_NUMBER, "of a sheet's edges, radians"),
    "rim": (_NUMBER, "paper left around a cut-out face or part, metres"),
    "device": (_TEXT, "phone, tablet or monitor"),
    "pixel_pitch": (_NUMBER, "of a display, metres"),
    "photosite_pitch": (_NUMBER, "of the camera's sensor, projected onto the display, metres"),
    "brightness": (_NUMBER, "of a display's white; 1 is 100 cd/m²"),
    "roughness": (_NUMBER, "of a display's glass or a silicone mask"),
    "thickness": (_NUMBER, "of a mask, metres"),
    "clearance": (_NUMBER, "between a mask and the wearer's skin, metres"),
    "finish": (_TEXT, "of a rigid mask"),
    "colour": (_TEXT, "where a rigid mask's colour is from"),
    "smoothing": (_NUMBER, "how far a silicone mask rounds off its face"),
    "eye_width": (_NUMBER, "of a mask's eye holes, metres"),
    "eye_height": (_NUMBER, "of a mask's eye holes, metres"),
    "mouth_gap": (_NUMBER, "of a silicone mask, metres"),
    "mouth": (_TEXT, "of a paper mask: cut or printed"),
    "cover": (_NUMBER, "opacity of the foundation, 0 to 1"),
    "strength": (_NUMBER, "of contour and shadow, 0 to 1"),
    "lips": (_TEXT, "colour of the lipstick"),
    "lids": (_TEXT, "colour of the eye shadow"),
}
MEANINGS = {name: meaning for name, (_, meaning) in {**_EVERY, **_ATTACKS}.items()}
SCHEMA = pa.schema([(name, kind) for name, (kind, _) in {**_EVERY, **_ATTACKS}.items()])
SCENES = SideTable("scenes.parquet", SCHEMA)
