"""What the reader of WMCA says of a miniature tree, its lists and its instruments."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.datasets.names import Person, people
from factory.datasets.wmca import NAME, attack_of, person_of, read_list
from tests.factory.datasets import trees
from tests.factory.datasets.listing import facts, listed, rejects
from tests.factory.datasets.trees import write_text


def test_wmca(tmp_path: Path) -> None:
    root = trees.wmca(tmp_path)
    found = listed("wmca", root)
    attacks = {source.file.rpartition("/")[2][:-5]: (*facts(source)[:3],) for source in found.values()}
    assert attacks == {
        "100_03_015_2_10": ("spoof", "mask", "015"),
        "514_01_035_1_05": ("spoof", "glasses", "035"),
        "035_01_000_0_00": ("live", "live", "035"),
        "005_01_000_0_01": ("live", "live", "005"),
        "530_03_001_2_18": ("spoof", "mask", "001"),
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


def test_both_readers_agree_on_the_people_of_a_tree(tmp_path: Path) -> None:
    native = {facts(source)[4]: facts(source)[2] for source in listed("wmca", trees.wmca(tmp_path / "tree")).values()}
    frames = [f"{str(stem)[-4:]}/{stem}_7.png" for stem in native]  # the directory is type and instrument
    found = people(("wmca", frame) for frame in frames)
    assert [found[frame].subject for frame in frames] == list(native.values())


@given(
    client=st.integers(0, 999),
    session=st.integers(0, 99),
    presenter=st.integers(0, 999),
    kind=st.integers(0, 9),
    pai=st.integers(0, 99),
    frame=st.integers(0, 99),
)
def test_law_the_pair_reader_names_whom_the_native_reader_names(
    client: int, session: int, presenter: int, kind: int, pai: int, frame: int
) -> None:
    stem = f"{client:03d}_{session:02d}_{presenter:03d}_{kind}_{pai:02d}"
    native = NAME.fullmatch(f"face-station/12.02.18/{stem}.hdf5")
    assert native is not None
    expected = Person(person_of(native.groupdict()))
    for name in (f"{stem}_{frame}.png", f"{stem}.png", f"{stem}_{frame:04d}.jpg"):
        path = f"{kind}_{pai:02d}/{name}"
        assert people([("wmca", path)]) == {path: expected}
    worn = kind in (1, 2) and presenter
    assert expected.subject == (f"{presenter:03d}" if worn else f"{client:03d}")


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
