"""Who is shown, by the names of extracted frames."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.datasets.names import Person, people


@pytest.mark.parametrize(
    ("domain", "path", "person"),
    [
        ("oulu_npu", "O12/4_3_37_1_0000.png", Person("37", "test")),
        ("oulu_npu", "O1/1_1_20_1.png", Person("20", "train")),
        ("oulu_npu", "O1/1_1_21_2_0003.png", Person("21", "dev")),
        ("oulu_npu", "O1/1_1_5_2_0003.png", Person("05", "train")),
        ("oulu_npu", "O1/1_1_56_2.png", None),
        ("oulu_npu", "O1/a.png", None),
        ("replay_attack", "I1/client009_session01_webcam_authenticate_adverse_1_12.png", Person("client009")),
        ("msu_mfsd", "M3/attack_client011_laptop_SD_ipad_video_scene01_4.png", Person("client011")),
        ("wmca", "2_18/530_03_035_2_18_1.png", Person("035")),  # a fake face: who wears it
        ("wmca", "1_01/005_01_000_1_01_1.png", Person("005")),  # no presenter
        ("wmca", "3_10/018_02_001_3_10_1.png", Person("018")),  # a print: who is printed
        ("padisi", "real/ID_0123456789abcdef0123456789ABCDEF99_x.png", Person("0123456789abcdef0123456789abcdef")),
        ("padisi", "real/p.png", None),
        ("elsewhere", "client001.png", None),
    ],
)
def test_a_name_says_who_or_nothing(domain: str, path: str, person: Person | None) -> None:
    assert people([(domain, path)]) == ({path: person} if person else {})


def casia(*paths: str) -> dict[str, str]:
    return {path: person.subject for path, person in people(("casia_fasd", path) for path in paths).items()}


def test_a_later_copy_of_a_name_is_another_person() -> None:
    """Training and test number people anew: what came later into one folder got a suffix."""
    found = casia("C1/7_1_0.png", "C1/7_1_5.png", "C1/7_1_0 (2).png", "C1/7_1_5 (2).png", "C3/7_HR_1_3.png")
    assert set(found.values()) == {"7", "7_later"}
    assert found["C1/7_1_5 (2).png"] == "7_later" and found["C3/7_HR_1_3.png"] == "7"


def test_a_frame_that_may_be_of_either_joins_both() -> None:
    """Frame 9 has no copy: it is of the longer recording, which may be the later one."""
    assert set(casia("C1/7_1_0.png", "C1/7_1_9.png", "C1/7_1_0 (2).png", "C4/7_3_0 (2).png").values()) == {"7"}


def test_a_number_without_copies_is_one_person() -> None:
    assert set(casia("C1/25_1_0.png", "C4/25_3_8.png", "C7/25_HR_4_1.png").values()) == {"25"}


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 2), st.integers(0, 3), st.booleans()), max_size=30))
def test_no_recording_is_divided(frames: list[tuple[int, int, int, bool]]) -> None:
    """Frames of one recording show one person: all with the suffix share a subject, and all without it."""
    paths = [f"C1/{n}_{file}_{frame}{' (2)' * later}.png" for n, file, frame, later in frames]
    found = casia(*paths)
    for (n, _, _, later), path in zip(frames, paths, strict=True):
        others = {found[p] for (m, _, _, other), p in zip(frames, paths, strict=True) if m == n and other == later}
        assert others == {found[path]}
