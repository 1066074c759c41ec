"""An enrolment's picture on a sheet: where each of its points comes to lie, and the sheet's texture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from factory.world.attacks.enrolment import Enrolment
from factory.world.attacks.sheet import Doubles, Sheet, grid
from factory.world.scene import Floats, Material, Mesh

WINDOW = 41  # points of a window along each side: a bent sheet bends it


@dataclass(frozen=True)
class Page:
    """A picture on a sheet, the middle of its face at the sheet's origin.

    Args:
        enrolment: The picture.
        sheet: What it is on.
        side: Metres of the picture's side; what does not fit on the sheet is cut off.
        texels: Of the texture's longer side.
    """

    enrolment: Enrolment
    sheet: Sheet
    side: float
    texels: int

    @property
    def texel(self) -> float:
        """Metres."""
        return max(self.sheet.width, self.sheet.height) / self.texels

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the texture."""
        return round(self.sheet.height / self.texel), round(self.sheet.width / self.texel)

    def places(self, shares: Floats) -> Doubles:
        """N, 2: places on the sheet of points of the picture (N, 2; in sides to the right and down)."""
        return np.asarray((shares - self.enrolment.middle) * [self.side, -self.side])

    def texels_places(self) -> Doubles:
        """Rows, columns, 2: places of the texture's pixels."""
        rows, columns = self.shape
        u, v = (np.arange(columns) + 0.5) / columns, 1 - (np.arange(rows) + 0.5) / rows
        return self.sheet.places(np.stack(np.meshgrid(u, v), axis=-1))

    def window(self) -> Mesh:
        """The whole picture, beyond the sheet too, as what one would see through the sheet: white is 100 cd/m²."""
        across, down = np.meshgrid(np.linspace(0, 1, WINDOW), np.linspace(1, 0, WINDOW))
        shares = np.stack([across.ravel(), down.ravel()], 1).astype(np.float32)
        material = Material(colour=(0.0, 0.0, 0.0), specular=0.0, glow=self.enrolment.picture)
        uv = np.asarray(shares * [1, -1] + [0, 1], np.float32)
        return Mesh(self.sheet.at(self.places(shares)), grid(WINDOW, WINDOW), uv, material)

    def texture(self, border: float, bare: float) -> Floats:
        """Rows, columns, 3: the picture, and `bare` on a border (metres) and where the picture has ended."""
        shape, unit = np.array(self.shape), self.texel / self.side
        middle, at = self.enrolment.middle, self.sheet.middle
        corner = np.array(  # the sheet's upper left corner in the picture: down, right
            [
                middle[1] - (at[1] + self.sheet.height / 2) / self.side,
                middle[0] + (at[0] - self.sheet.width / 2) / self.side,
            ]
        )
        bound = round(border / self.texel)
        first = np.ceil(np.maximum(bound, -corner / unit)).astype(int)
        last = np.floor(np.minimum(shape - bound, (1 - corner) / unit)).astype(int)
        (top, left), (bottom, right) = corner + first * unit, corner + last * unit
        page = np.full((*shape, 3), bare, np.float32)
        rows, columns = (int(length) for length in last - first)
        page[first[0] : last[0], first[1] : last[1]] = self.enrolment.crop((left, top, right, bottom), columns, rows)
        return page
