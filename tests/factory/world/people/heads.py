"""Heads that many tests look at: made once, and not to be changed."""

from __future__ import annotations

from functools import cache

import numpy as np

from factory.world.people.envelope import Envelope, envelope
from factory.world.people.figure import resting
from factory.world.people.head import shaped
from factory.world.people.person import Moment, Person
from factory.world.scene import Floats, Mesh


@cache
def mixed() -> Floats:
    """A head between two targets; its eyes are not at the origin."""
    return shaped({"macrodetails/asian-male-young": 0.4, "macrodetails/caucasian-female-old": 0.6})


@cache
def around() -> Envelope:
    """The envelope of the mixed head."""
    return envelope(mixed())


@cache
def somebody(seed: int) -> Person:
    return Person.from_seed(seed)


@cache
def rested(seed: int) -> Floats:
    """A person's head at rest."""
    return resting(somebody(seed), Moment.still())


def sound(mesh: Mesh) -> bool:
    """Whether a mesh is finite, every point it names is there, and it has a texture coordinate for each point."""
    here = np.isfinite(mesh.points).all() and np.isfinite(mesh.uv).all()
    return bool(here and mesh.triangles.max() < len(mesh.points) == len(mesh.uv))


def volume(mesh: Mesh) -> float:
    """Cubic metres that a closed mesh holds; negative where its triangles face inwards."""
    corners = mesh.points[mesh.triangles].astype(np.float64)
    return float((np.cross(corners[:, 0], corners[:, 1]) * corners[:, 2]).sum() / 6)
