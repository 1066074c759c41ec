"""What the reader of ROSE-Youtu says of a miniature tree with the documents' names."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from factory.datasets import fields
from tests.factory.datasets import trees
from tests.factory.datasets.listing import facts, listed, rejects
from tests.factory.datasets.trees import write_video


def test_rose_youtu(tmp_path: Path) -> None:
    found = listed("rose-youtu", trees.rose_youtu(tmp_path))
    assert facts(found["train/2/G_NT_5s_g_E_2_1.mp4/000002"]) == ("live", "live", "2", "train", "g_nt_5s_g_e_2_1")
    assert facts(found["train/_3/Mc_NT_5s_g_E_3_51.mp4/000002"])[1:4] == ("mask", "3", "train")
    assert facts(found["test/13/Vl_NT_IP_g_E_13_120.mp4/000007"])[1:4] == ("replay", "13", "test")
    assert rejects(found) == {}
    assert fields("rose_youtu", "pq_t_zte_wg_e_21_7") == {
        "type": "pq", "speaking": "t", "device": "zte", "glasses": "wg", "environment": "e", "subject": "21",
        "number": "7", "attack": "print", "instrument": "print_quivering",
    }  # fmt: skip


def test_without_split_folders_the_number_says_the_split(tmp_path: Path) -> None:
    for name in ("2/G_NT_5s_g_E_2_1", "12/Ps_T_HS_wg_E_12_3", "23/Vm_T_IP_wg_E_23_9", "8/G_NT_5s_g_E_8_1"):
        write_video(tmp_path / f"{name}.mp4", 10)
    found = listed("rose-youtu", tmp_path)
    splits = {path.partition("/")[0]: facts(source)[3] for path, source in found.items()}
    assert splits == {"2": "train", "12": "dev", "23": "test", "8": None}
    assert {path.partition("/")[0]: reason for path, reason in rejects(found).items()} == {"8": "in no list"}


@pytest.mark.parametrize(
    "name",
    [
        "train/2/G_NT_5s_g_E_3_1.mp4",  # the name says another person than the folder
        "train/2/Xx_NT_5s_g_E_2_1.mp4",
        "train/2/G_NT_5s_g_2_1.mp4",
        "train/2/more/G_NT_5s_g_E_2_1.mp4",
        "train/2/2_G_NT_5s_g_E_2_1.mp4",
    ],
)
def test_rose_youtu_names_that_are_none(tmp_path: Path, name: str) -> None:
    write_video(trees.rose_youtu(tmp_path) / name, 10)
    assert rejects(listed("rose-youtu", tmp_path)) == {name: "unknown name"}


def test_half_of_rose_youtu_is_named(tmp_path: Path) -> None:
    shutil.rmtree(trees.rose_youtu(tmp_path) / "test")
    with pytest.raises(ValueError, match="not a complete ROSE-Youtu tree, it lacks test/:"):
        listed("rose-youtu", tmp_path)
