"""What the reader of Replay-Attack says of a miniature tree with the documents' names."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.datasets import fields, replay_attack
from factory.sources.faces import Box
from tests.factory.datasets import trees
from tests.factory.datasets.listing import facts, listed


def test_replay_attack(tmp_path: Path) -> None:
    found = listed("replay-attack", trees.replay_attack(tmp_path))
    assert not any(path.startswith("enroll") for path in found) and len(found) == 2 * 7
    real = "client001_session01_webcam_authenticate_adverse_1"
    assert facts(found[f"train/real/{real}.mov/000002"]) == ("live", "live", "client001", "train", real)
    assert found[f"train/real/{real}.mov/000002"].boxes == f"face-locations/train/real/{real}.face"
    held = "attack_print_client001_session01_highdef_photo_adverse"
    captures = {facts(source)[4] for source in found.values() if held in source.path}
    assert captures == {f"{held}_fixed", f"{held}_hand"}, "two recordings of one name"
    mobile = "attack_mobile_client003_session01_mobile_video_controlled"
    assert facts(found[f"devel/attack/hand/{mobile}.mov/000002"])[:4] == ("spoof", "replay", "client003", "dev")
    assert fields("replay_attack", f"{mobile}_hand") == {
        "presented": "mobile", "subject": "client003", "session": "01", "device": "mobile", "sample": "video",
        "light": "controlled", "support": "hand", "attack": "replay", "instrument": "replay_mobile",
    }  # fmt: skip
    assert fields("replay_attack", real)["take"] == "1" and fields("replay_attack", real)["light"] == "adverse"


def test_replay_attack_counts_width_and_height() -> None:
    text = "0 0 0 0 0\n1 10 12 20 24\n\n2 11 13 20 24\n"
    assert replay_attack.box(text, 1, 320, 240) == Box(10, 12, 20, 24)
    assert replay_attack.box(text, 0, 320, 240) is None, "no detection"
    assert replay_attack.box(text, 7, 320, 240) is None


@pytest.mark.parametrize("text", ["1 2 3\n", "1 a b c d\n", "x\n1 2 3 4 5", "1 nan 2 3 4", "1,2,3,4,5\n"])
def test_lines_without_these_numbers_are_broken(text: str) -> None:
    with pytest.raises(ValueError, match=r"^broken box file$"):
        replay_attack.box(text, 1, 320, 240)
