"""What the reader of PADISI-Face says of a miniature tree and its partitions; its pickle is refused."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from factory.datasets import fields
from factory.datasets.padisi import read_partition
from factory.sources.pattern import vocabulary_name
from tests.factory.datasets import trees
from tests.factory.datasets.listing import facts, listed, rejects
from tests.factory.datasets.trees import write_text


def test_padisi(tmp_path: Path) -> None:
    root = trees.padisi(tmp_path)
    write_text(root / "multi/ID_x_y_FACE.npz", "not in the lists")
    found = listed("padisi", root)
    assert rejects(found) == {"multi/ID_x_y_FACE.npz": "in no list"}
    good = [facts(source) for source in found.values() if not source.reject]
    assert [fact[:4] for fact in good] == [
        ("live", "live", "55f98642ffbe2bff", "train"),
        ("spoof", "pai_03", "55f98642ffbe2bff", "dev"),
        ("spoof", "makeup", "858fb9549982ac3b", "test"),
    ]
    capture = vocabulary_name(str(good[2][4]))
    assert fields("padisi", capture) == {
        "transaction": "dab9b50ddf6e50bffb6a9a8fd4bede0f5c76f16f", "visit": "dab9b50ddf6e50bffb6a9a8fd4bede0f",
        "trial": "1338eba3", "name": "face_smile_with_glass", "code": "m50602",
        "attack": "makeup", "instrument": "m50602",
    }  # fmt: skip


def test_padisi_partitions(tmp_path: Path) -> None:
    root = trees.padisi(tmp_path / "tree")
    part0 = root / "face_partitions/padisi_USC_FACE_dataset_partition_3folds_part0.csv"
    other = write_text(tmp_path / "part1.csv", part0.read_text().replace(",train", ",test"))
    assert Counter(facts(s)[3] for s in listed("padisi", root, chosen=str(other)).values()) == {"test": 2, "dev": 1}
    with pytest.raises(ValueError, match="x: partition 'fold' is not train, valid or test"):
        read_partition("x", part0.read_text().replace(",train", ",fold"))
    with pytest.raises(ValueError, match="x has no column partition_name: it needs transaction_id"):
        read_partition("x", "transaction_id,trial_id,trial_name\n")
    with pytest.raises(ValueError, match="x names no sample"):
        read_partition("x", part0.read_text().partition("\n")[0])
    part0.unlink()
    assert {facts(source)[3] for source in listed("padisi", root).values()} == {None}


def test_samples_and_codes_that_padisi_lacks(tmp_path: Path) -> None:
    root = trees.padisi(tmp_path)
    next((root / "multi").glob("*_FACE_SMILE_WITH_GLASS.npz")).unlink()
    ((path, reason),) = rejects(listed("padisi", root)).items()
    assert path.startswith("ID_dab9b50d") and path.endswith("_FACE_SMILE_WITH_GLASS.npz") and reason == "missing file"
    truth = root / "face_partitions/padisi_USC_FACE_ground_truth.csv"
    for cut in (truth.read_text().replace("m50302", "m5030"), truth.read_text().partition("1338eba3")[0]):
        truth.write_text(cut)
        with pytest.raises(ValueError, match=r"ground_truth.csv: ground_truth '(m5030)?' of ID_.* is not m0000"):
            listed("padisi", root)


def test_the_pickle_of_padisi_is_refused(tmp_path: Path) -> None:
    root = trees.padisi(tmp_path)
    (root / "padisi_USC_FACE_preprocessed.bz2").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    assert len(listed("padisi", root)) == 3, "beside npz files it is just not read"
    shutil.rmtree(root / "multi")
    with pytest.raises(ValueError, match=r"a pickle, which runs code .*docs/datasets\.md") as caught:
        listed("padisi", root)
    assert "\n" not in str(caught.value)
