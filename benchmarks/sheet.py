"""A picture of a rendered corpus: a row a person, a column an attack. `python -m benchmarks.sheet CORPUS OUT.jpg`"""

from __future__ import annotations

import argparse

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from factory.corpus import Corpus
from factory.corpus.row import LIVE_ATTACK

GAP, LINE = 4, 26  # pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus")
    parser.add_argument("out")
    parser.add_argument("--people", nargs="+", help="subjects, such as p000003")
    parser.add_argument("--attacks", nargs="+", help="columns after the live one")
    parser.add_argument("--domains", nargs="+", help="of each row; they take turns")
    given = parser.parse_args()
    corpus = Corpus(given.corpus)
    attack, domain, subject = (corpus.column(name) for name in ("attack", "domain", "subject"))
    attacks = [LIVE_ATTACK, *(given.attacks or sorted(set(attack) - {LIVE_ATTACK}))]
    people, domains = given.people or sorted(set(subject))[:6], given.domains or sorted(set(domain))
    side = corpus.pixels([0]).shape[1]
    sheet = Image.new("RGB", (len(attacks) * (side + GAP) - GAP, len(people) * (side + GAP) + LINE - GAP), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    for column, name in enumerate(attacks):
        pen.text((column * (side + GAP) + side / 2, LINE / 2), name.replace("_", " "), "black", font, anchor="mm")
        for row, person in enumerate(people):
            where = (attack == name) & (subject == person) & (domain == domains[row % len(domains)])
            face = corpus.pixels([int(np.flatnonzero(where)[0])])[0]
            sheet.paste(Image.fromarray(face), (column * (side + GAP), LINE + row * (side + GAP)))
    sheet.save(given.out, quality=90)


if __name__ == "__main__":
    main()
