"""An audit that is asked for semantic duplicates refuses them; one that is not asked is as before."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from factory.audit.verdict import AUDIT_SCHEMA
from factory.run import read_claim
from factory.storage import Storage
from tests.factory.audit.planted import EXPECTED, audit, planted_rows, real_rows
from tests.factory.audit.semantic.made import in_this_process, write_side_table

World = tuple[Path, dict[str, Any], dict[str, Any]]


def verdicts(out: Path) -> dict[str, dict[str, Any]]:
    return {line["key"]: line for line in pq.read_table(out / "audit.parquet").to_pylist()}


def test_an_audit_without_the_check_is_as_before(world: World) -> None:
    root, _, summary = world
    claim: Any = read_claim(Storage(f"{root}/audit"))
    assert "semantic" not in claim["identity"] and "semantic" not in claim["config"] and "semantic" not in summary
    assert pq.read_schema(root / "audit" / "audit.parquet").names == AUDIT_SCHEMA.names
    assert not (root / "audit" / "semantic").exists()


def test_duplicates_and_copies_are_refused(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    root, inputs, _ = world
    with in_this_process():
        summary = audit(inputs, root / "semantic", measures=f"{root}/audit", semantic={"probes": 3})
    found = verdicts(root / "semantic")
    # In this world a person's print and replay differ in tint alone, and people 0 to 7 are in training.
    copies = {key for key, line in found.items() if line["semantic_copy_of"]}
    assert copies == {f"made-{name}" for name in ("good-0", "good-2", "memorised", "style", "twin", "poor")}
    assert found["made-memorised"]["semantic_copy_of"].startswith("real-3-")
    twin = found["made-twin"]
    assert twin["reason"] == "near-duplicate, semantic duplicate, semantic copy" and not twin["accepted"]
    assert twin["semantic_duplicate_of"] == twin["semantic_group"] == "made-good-2"
    assert twin["semantic_duplicate_cosine"] == 1.0
    assert found["made-good-2"]["semantic_group"] == "made-good-2"
    assert found["made-good-2"]["reason"] == "semantic copy" and found["made-good-8"]["reason"] is None
    assert summary["refused_by_reason"]["semantic duplicate"] == 1
    assert summary["semantic"]["control"] == {"count": 3, "within": 0}
    assert "audit: semantic: 1 duplicates and 6 copies at cosine 0.95" in capsys.readouterr().err
    with in_this_process(at=0):
        assert audit(inputs, root / "semantic", measures=f"{root}/audit", semantic={"probes": 3}) == summary
    with pytest.raises(ValueError, match="belongs to another run"):
        audit(inputs, root / "semantic", measures=f"{root}/audit", semantic={"probes": 4})


def test_embeddings_of_a_side_table_decide(world: World, tmp_path: Path) -> None:
    root, inputs, _ = world
    made, real = [row.key for row in planted_rows()], [row.key for row in real_rows()]
    away = {key: [0.0] * place + [1.0] + [0.0] * (40 - place) for place, key in enumerate([*made, *real])}
    away["made-good-8"] = away["made-leak"]  # of one style; the key of good-8 is smaller
    embeddings = {
        "generated": write_side_table(tmp_path / "made", made, look=[away[key] for key in made]),
        "training": write_side_table(tmp_path / "real", real, look=[away[key] for key in real]),
        "column": "look",
    }
    with in_this_process():
        given = {"embeddings": embeddings, "copies": False}
        summary = audit(inputs, tmp_path / "audit", measures=f"{root}/audit", semantic=given)
    reasons = {key: line["reason"] for key, line in verdicts(tmp_path / "audit").items()}
    assert reasons == EXPECTED | {"made-leak": "leak, semantic duplicate"}
    assert summary["semantic"]["rows"] == len(made) and summary["semantic"]["control"]["count"] == 0
    identity: Any = read_claim(Storage(str(tmp_path / "audit")))["identity"]
    assert str(tmp_path) not in str(identity["semantic"])
    shutil.rmtree(tmp_path / "real")
    with pytest.raises(ValueError, match="real"):
        audit(inputs, tmp_path / "never", measures=f"{root}/audit", semantic=given)
    assert not (tmp_path / "never").exists()


@pytest.mark.soak
def test_workers_find_what_this_process_finds(world: World, tmp_path: Path, ray_local: None) -> None:
    root, inputs, _ = world
    with in_this_process():
        wanted = audit(inputs, tmp_path / "here", measures=f"{root}/audit", semantic={"seed": 1})
    assert audit(inputs, tmp_path / "there", measures=f"{root}/audit", semantic={"seed": 1}) == wanted
    tables = {path.relative_to(tmp_path / "here"): path.read_bytes() for path in tmp_path.glob("here/semantic/*/*")}
    assert len(tables) > 8
    assert tables == {
        path.relative_to(tmp_path / "there"): path.read_bytes() for path in tmp_path.glob("there/semantic/*/*")
    }
