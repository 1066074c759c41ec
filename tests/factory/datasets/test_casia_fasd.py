"""What the reader of CASIA-FASD says of a miniature tree with the documents' names."""

from __future__ import annotations

from pathlib import Path

from factory.datasets import fields
from tests.factory.datasets import trees
from tests.factory.datasets.listing import facts, listed


def test_casia_fasd(tmp_path: Path) -> None:
    found = listed("casia-fasd", trees.casia_fasd(tmp_path))
    attacks = {source.file.rpartition("/")[2][:-4]: facts(source)[1] for source in found.values()}
    assert attacks == {
        **dict.fromkeys(("1", "2", "HR_1"), "live"),
        **dict.fromkeys(("3", "4", "5", "6", "HR_2", "HR_3"), "print"),
        **dict.fromkeys(("7", "8", "HR_4"), "replay"),
    }
    assert facts(found["train_release/1/1.avi/000005"])[2:] == ("train_1", "train", "1")
    assert facts(found["test_release/1/1.avi/000005"])[2:] == ("test_1", "test", "1"), "another person"
    assert facts(found["test_release/30/HR_4.AVI/000005"])[2:] == ("test_30", "test", "hr_4")
    assert [fields("casia_fasd", name)["instrument"] for name in ("4", "hr_3", "8")] == [
        "print_warped",
        "print_cut",
        "replay",
    ]
