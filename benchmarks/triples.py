"""A picture of spoofs, the first of each attack and domain: `python -m benchmarks.triples SPOOFS REAL OUT.jpg`

A cell shows live face, guide and spoof; SPOOFS is a folder of `generate`, REAL its corpus of faces and guides.
"""

from __future__ import annotations

import argparse

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from factory.corpus import Corpus

GAP, LINE, ZOOM = 3, 26, 2  # pixels, pixels, times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spoofs")
    parser.add_argument("real")
    parser.add_argument("out")
    parser.add_argument("--domains", nargs="+", help="of the guides, a row each; all by default")
    given = parser.parse_args()
    spoofs, real = Corpus(given.spoofs), Corpus(given.real)
    attack, domain = spoofs.column("attack"), spoofs.column("domain")
    attacks, domains = sorted(set(attack)), given.domains or sorted(set(domain))
    place = {key: number for number, key in enumerate(real.column("key"))}
    side = ZOOM * spoofs.pixels([0]).shape[1]
    wide, high = 3 * side + 3 * GAP, side + GAP
    sheet = Image.new("RGB", (len(attacks) * (wide + 3 * GAP), LINE + len(domains) * high), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    for column, name in enumerate(attacks):
        left = column * (wide + 3 * GAP)
        pen.text((left + wide / 2, LINE / 2), f"live + {name.replace('_', ' ')} → spoof", "black", font, anchor="mm")
        for row, camera in enumerate(domains):
            first = int(np.flatnonzero((attack == name) & (domain == camera))[0])
            shown = [place[str(spoofs.column(key)[first])] for key in ("live_key", "guide_key")]
            faces = [*real.pixels(shown), spoofs.pixels([first])[0]]
            for number, face in enumerate(faces):
                picture = Image.fromarray(face).resize((side, side), Image.Resampling.LANCZOS)
                sheet.paste(picture, (left + number * (side + GAP), LINE + row * high))
    sheet.save(given.out, quality=90)


if __name__ == "__main__":
    main()
