"""What the readers of the data sets with several cameras say of a miniature tree: WMCA, PADISI-Face."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from factory.datasets import fields
from factory.datasets.padisi import read_partition
from factory.datasets.wmca import attack_of, read_list
from factory.sources.pattern import vocabulary_name
from tests.factory.datasets import trees
from tests.factory.datasets.listing import facts, listed, rejects
from tests.factory.datasets.trees import write_text


def test_wmca(tmp_path: Path) -> None:
    root = trees.wmca(tmp_path)
    found = listed("wmca", root)
    attacks = {source.file.rpartition("/")[2][:-5]: (*facts(source)[:3],) for source in found.values()}
    assert attacks == {
        "100_03_015_2_10": ("spoof", "mask", "100"),
        "514_01_035_1_05": ("spoof", "glasses", "514"),
        "035_01_000_0_00": ("live", "live", "035"),
        "005_01_000_0_01": ("live", "live", "005"),
        "530_03_001_2_18": ("spoof", "mask", "530"),
        "018_02_000_3_10": ("spoof", "print", "018"),
        "018_02_000_3_06": ("spoof", "print", "018"),
        "019_02_000_4_01": ("spoof", "replay", "019"),
    }
    assert {facts(source)[3] for source in found.values()} == {None}, "no list, no official split"
    source = found["face-station/12.02.18/100_03_015_2_10.hdf5/000005"]
    assert (source.format, source.at, facts(source)[4]) == ("hdf5", 5, "100_03_015_2_10")


def test_wmca_lists(tmp_path: Path) -> None:
    root = trees.wmca(tmp_path / "tree")
    sets = ("train", "dev", "eval", "train", "train", "train", "train")
    lines = [f"{name},{n % 2},attack/{n},{part}" for n, (name, part) in enumerate(zip(trees.WMCA, sets, strict=False))]
    write_text(root / "PROTOCOL-LOO_prints-curated.csv", "nonsense")
    write_text(root / "lists/PROTOCOL-grand_test-curated.csv", "\r\n".join([*lines, ""]))
    found = listed("wmca", root)
    assert [facts(found[f"{name}.hdf5/000005"])[3] for name in trees.WMCA[:3]] == ["train", "dev", "test"]
    assert rejects(found) == {f"{trees.WMCA[-1]}.hdf5": "in no list"}
    other = write_text(tmp_path / "other.csv", "\n".join(line.replace(",train", ",eval") for line in lines))
    assert facts(listed("wmca", root, chosen=str(other))[f"{trees.WMCA[0]}.hdf5/000005"])[3] == "test"
    assert read_list("x", "path,label,attack_type,set\na/1_1_1_0_00.hdf5,0,bonafide,dev\n") == {"a/1_1_1_0_00": "dev"}
    for number, bad in ((2, f"{lines[0]}\nx,0,y,train"), (2, f"{lines[0]}\n{lines[1]}x"), (1, f"{lines[0]}x\n")):
        with pytest.raises(ValueError, match=f"lists/x, line {number}: .* is not path,label,attack_type,set"):
            read_list("lists/x", bad)
    with pytest.raises(ValueError, match="lists/x names no recording"):
        read_list("lists/x", "path,label,attack_type,set\n")
    (root / f"{trees.WMCA[0]}.hdf5").unlink()
    assert rejects(listed("wmca", root))[f"{trees.WMCA[0]}.hdf5"] == "missing file"
    with pytest.raises(ValueError, match=r"dataset_list .*absent.csv cannot be read: No such file"):
        listed("wmca", root, chosen=str(tmp_path / "absent.csv"))


def test_wmca_instruments_are_those_of_the_leave_one_out_protocols() -> None:
    def instrument(kind: int, pai: int) -> str:
        return attack_of({"type": str(kind), "pai": f"{pai:02d}"})[1]

    assert [instrument(1, pai) for pai in (1, 2, 5, 8, 13, 16)] == [
        "glasses", "rigid_mask", "glasses", "wig", "rigid_mask", "glasses",
    ]  # fmt: skip
    assert [instrument(2, pai) for pai in (1, 7, 8, 11, 12, 17, 18, 75, 99)] == [
        "fake_head", "fake_head", "paper_mask", "paper_mask", "rigid_mask", "rigid_mask", *["flexible_mask"] * 3,
    ]  # fmt: skip
    assert [instrument(3, pai) for pai in (1, 5, 6, 10, 15)] == ["print", "replay", "print", "replay", "replay"]
    assert [instrument(kind, 1) for kind in (0, 4, 5, 7)] == ["live", "replay", "makeup", "type_7"]
    assert instrument(2, 42) == "mask", "a number that no list has"


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
        "transaction": "dab9b50ddf6e50bffb6a9a8fd4bede0f5c76f16f", "trial": "1338eba3",
        "name": "face_smile_with_glass", "code": "m50602", "attack": "makeup", "instrument": "m50602",
    }  # fmt: skip


def test_padisi_partitions(tmp_path: Path) -> None:
    root = trees.padisi(tmp_path / "tree")
    part0 = root / "face_partitions/padisi_USC_FACE_dataset_partition_3folds_part0.csv"
    other = write_text(tmp_path / "part1.csv", part0.read_text().replace(",train", ",test"))
    assert Counter(facts(s)[3] for s in listed("padisi", root, chosen=str(other)).values()) == {"test": 2, "dev": 1}
    with pytest.raises(ValueError, match="x: partition 'fold' is none of train, valid and test"):
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
        with pytest.raises(ValueError, match=r"ground_truth.csv: ground_truth '(m5030)?' of ID_.* is no m00000 or m5"):
            listed("padisi", root)


def test_the_pickle_of_padisi_is_refused(tmp_path: Path) -> None:
    root = trees.padisi(tmp_path)
    (root / "padisi_USC_FACE_preprocessed.bz2").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    assert len(listed("padisi", root)) == 3, "beside npz files it is just not read"
    shutil.rmtree(root / "multi")
    with pytest.raises(ValueError, match=r"a pickle, which runs code .*docs/datasets\.md") as caught:
        listed("padisi", root)
    assert "\n" not in str(caught.value)
