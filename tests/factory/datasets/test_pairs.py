"""What the authors' pair lists say, and lists that are none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.sources import Source
from tests.factory.datasets import trees
from tests.factory.datasets.listing import facts, listed, rejects
from tests.factory.datasets.trees import write_image, write_text


def test_directories_of_pair_lists_that_say_something_else(tmp_path: Path) -> None:
    found = [["/O1/a.png", "/O2/a.png"], ["/O2/b.png", "/O1/b.png"], ["/photos/c.png", "/C10/c.png"]]
    found += [["/M2/d.png", "/M9/d.png"], ["/0_02/e.png", "/4_1/e.png"], ["/x/O15/f.png", "/x/O35/f.png"]]
    write_text(tmp_path / "OCIM.json", json.dumps(found))
    for path in {path for pair in found for path in pair}:
        write_image(tmp_path / path.strip("/"))
    unknown, swapped = (
        dict.fromkeys(("photos/c.png", "C10/c.png", "M9/d.png"), "unknown name"),
        ("O2/b.png", "O1/b.png"),
    )
    read = listed("pairs", tmp_path)
    assert rejects(read) == {**unknown, **dict.fromkeys(swapped, "label and attack disagree")}
    assert [(read[path].fields or {})["domain"] for path in ("4_1/e.png", "x/O35/f.png")] == ["wmca", "oulu_npu"]


def test_pair_lists(tmp_path: Path) -> None:
    root = trees.pairs(tmp_path)
    found = listed("pairs", root)
    style = {path: (source.fields or {})["domain"] + "-" + str(facts(source)[1]) for path, source in found.items()}
    assert style == {
        "O1/a.png": "oulu_npu-live", "O1/b.png": "oulu_npu-live", "O2/a.png": "oulu_npu-o2", "O4/a.png": "oulu_npu-o4",
        "C3/x.png": "casia_fasd-live", "C7/y.png": "casia_fasd-c7", "0_00/035_01_000_0_00_1.png": "wmca-live",
        "2_18/530_03_035_2_18_1.png": "wmca-2_18", "real/p.png": "padisi-live",
        "paper_glass/p.png": "padisi-paper_glass",
    }  # fmt: skip
    scene = {path: facts(source)[2:] for path, source in found.items()}
    assert scene["O1/a.png"] == scene["O1/b.png"] == scene["O2/a.png"] == scene["O4/a.png"]
    assert len({facts[2] for facts in scene.values()}) == 4
    assert scene["2_18/530_03_035_2_18_1.png"][0] == scene["0_00/035_01_000_0_00_1.png"][0] == "035"
    (root / "O2/a.png").unlink()
    assert rejects(listed("pairs", root)) == {"O2/a.png": "missing file"}
    alone = write_text(tmp_path / "elsewhere" / "one.json", json.dumps([["/O1/a.png", "/O4/a.png"]]))
    assert len(listed("pairs", root, chosen=str(alone))) == 2


def write_list(root: Path, pairs: list[list[str]]) -> dict[str, Source]:
    write_text(root / "OCIM.json", json.dumps(pairs))
    for path in {path for pair in pairs for path in pair}:
        write_image(root / path.strip("/"))
    return listed("pairs", root)


def test_frame_folders_are_recordings(tmp_path: Path) -> None:
    """A directory below a style's is a recording: its name says who is shown, and its frames show one person."""
    found = write_list(
        tmp_path,
        [
            ["/O1/1_1_01_1/0000.png", "/O2/1_1_01_2/0000.png"],
            ["/O1/1_1_01_1/0004.png", "/O2/1_1_01_2/0004.png"],
            ["/O1/2_3_37_1/0000.png", "/O4/2_3_37_4/0000.png"],
            ["/C1/7_1/0.png", "/C7/7_HR_4/5.png"],
            ["/I1/client009_session01_webcam_authenticate_adverse_1/12.png", "/I3/attack_print_client009_x/0.png"],
            ["/0_00/035_01_000_0_00/1.png", "/2_18/530_03_035_2_18/1.png"],
        ],
    )
    assert rejects(found) == {}
    said = {path.split("/")[1]: facts(source)[2:4] for path, source in found.items()}
    assert said == {
        "1_1_01_1": ("01", "train"), "1_1_01_2": ("01", "train"), "2_3_37_1": ("37", "test"),
        "2_3_37_4": ("37", "test"), "7_1": ("7", None), "7_HR_4": ("7", None),
        "client009_session01_webcam_authenticate_adverse_1": ("client009", None),
        "attack_print_client009_x": ("client009", None), "035_01_000_0_00": ("035", None),
        "530_03_035_2_18": ("035", None),
    }  # fmt: skip
    scenes = {path: facts(source)[4] for path, source in found.items()}
    assert scenes["O1/1_1_01_1/0000.png"] == scenes["O2/1_1_01_2/0000.png"] != scenes["O1/1_1_01_1/0004.png"]


def test_frames_of_a_recording_that_says_nobody_show_one_person(tmp_path: Path) -> None:
    frames = [[f"/real/a/{n}.png", f"/print/b/{n}.png"] for n in range(3)]
    found = write_list(tmp_path, [*frames, ["/real/c/0.png", "/print/d/0.png"]])
    people = {path: facts(source)[2] for path, source in found.items()}
    assert {people[path] for path in people if path.split("/")[1] in "ab"} == {"scene_0"}
    assert people["real/c/0.png"] == people["print/d/0.png"] != "scene_0"
    assert len({facts(source)[4] for source in found.values()}) == 4, "pairs stay what the list says"


@settings(max_examples=25, deadline=None)
@given(
    users=st.lists(st.integers(1, 55), min_size=1, max_size=8, unique=True),
    folders=st.booleans(),
    links=st.lists(st.tuples(st.integers(1, 6), st.integers(1, 3), st.integers(2, 5), st.integers(0, 9)), max_size=6),
)
def test_law_nobody_of_oulu_is_in_two_splits(
    tmp_path_factory: pytest.TempPathFactory, users: list[int], folders: bool, links: list[tuple[int, int, int, int]]
) -> None:
    """Whatever the list pairs, in flat directories or with frame folders."""

    def path(phone: int, session: int, user: int, file: int, frame: int) -> str:
        return f"/O{file}/{phone}_{session}_{user:02d}_{file}{'/' if folders else '_'}{frame:04d}.png"

    made = [
        [path(phone, session, user, 1, frame), path(phone, session, user, file, frame)]
        for user in users
        for phone, session, file, frame in [(1, 1, 2, 0), *links]
    ]
    root = tmp_path_factory.mktemp("pairs")
    for name in {name for pair in made for name in pair}:
        write_text(root / name.strip("/"), "x")  # planning reads no pixel
    found = listed("pairs", root, chosen=str(write_text(root / "OCIM.json", json.dumps(made))))
    people = {str(facts(source)[2]): facts(source)[3] for source in found.values()}
    assert people == {f"{user:02d}": "train" if user <= 20 else "dev" if user <= 35 else "test" for user in users}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "is not a pair list"),
        ("[]", "is not a pair list"),
        ("not json", "is not a pair list"),
        ('[["a"]]', r"\[\"a\"\] is not \[live path, spoof path\]"),
        ('[["/a/b.png", 3]]', "is not"),
        ('[["/../../etc/passwd", "/a/b.png"]]', "leads out of the folder"),
    ],
)
def test_pair_lists_that_are_none(tmp_path: Path, text: str, message: str) -> None:
    write_text(tmp_path / "x.json", text)
    with pytest.raises(ValueError, match=message) as caught:
        listed("pairs", tmp_path)
    assert "\n" not in str(caught.value)
