"""What an attack is: what stands before the camera instead of a person, and the numbers that describe it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from factory.world.attacks.enrolment import Enrolment
from factory.world.attacks.page import Page
from factory.world.capture.cameras import Device
from factory.world.people.figure import Figure
from factory.world.scene import Floats, Mesh, Strands


@dataclass(frozen=True)
class Presentation:
    """A face that is not there, or not whose it seems.

    Args:
        bodies: All that is before the camera, the impostor included.
        landmarks: 5, 3: where the shown face has its landmarks, in the order of a figure's; the camera is framed on
            them, as near to a small display as its face is small.
        parameters: Of this attack, for the row: metres, degrees, shares and names.
        page: Of a flat attack: the picture that it shows.
    """

    bodies: tuple[Mesh | Strands, ...]
    landmarks: Floats
    parameters: Mapping[str, float | str]
    page: Page | None = None


class Attack(Protocol):
    """How an impostor shows the face of somebody else."""

    def __call__(
        self, impostor: Figure, enrolment: Enrolment, camera: Device, generator: np.random.Generator, /
    ) -> Presentation:
        """Present the enrolled face.

        Args:
            impostor: Who attacks, as they stand. Their bodies come back unless replaced; spectacles lie over what is
                worn, and out of sight behind a sheet or display they are left out.
            enrolment: Of the person who is impersonated.
            camera: What will record it.
            generator: Of all that varies; equal states give equal bytes.
        """


def skin_of(figure: Figure) -> Mesh:
    """The first of a figure's bodies: its head, neck and shoulders."""
    body = figure.bodies[0]
    assert isinstance(body, Mesh)
    return body
