"""Every data set has a name, a domain and a tree, and its captures give back what the reader said."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from factory.datasets import DATASETS, fields
from factory.datasets.wmca import person_of
from factory.prepare.config import DatasetName
from factory.sources.pattern import vocabulary_name
from tests.factory.datasets.listing import listed
from tests.factory.datasets.trees import TREES


def test_every_data_set_has_a_name_a_domain_and_a_tree() -> None:
    assert set(DATASETS) == set(TREES) == set(get_args(DatasetName))
    domains = [dataset.DOMAIN for dataset in DATASETS.values()]
    assert len(set(domains)) == len(domains) and all(domain == vocabulary_name(domain) for domain in domains)


@pytest.mark.parametrize("name", [name for name in TREES if name != "pairs"])
def test_captures_give_back_what_the_reader_said(tmp_path: Path, name: str) -> None:
    for instruments in (False, True):
        for source in listed(name, TREES[name](tmp_path / str(instruments)), instruments=instruments).values():
            assert source.fields is not None
            found = fields(source.fields["domain"], vocabulary_name(source.fields["capture"]))
            assert found["instrument" if instruments else "attack"] == source.fields["attack"]
            assert (found["attack"] == "live") == (source.fields["label"] == "live")
            person = person_of(found) if name == "wmca" else found.get("subject", "")
            assert source.fields["subject"].endswith(person)


VISIT = "visit_a4acb647ebc247c7fbfecd2c711157bd"
SITTINGS = {  # of the live recordings of a miniature tree, and of its attacks
    "oulu-npu": (
        {"phone_1_session_1", "phone_6_session_2", "phone_1_session_3"},
        {"phone_1_session_1", "phone_6_session_2", "phone_1_session_3"},
    ),
    "casia-fasd": (
        {"quality_low", "quality_normal", "quality_high"},
        {"quality_low", "quality_normal", "quality_high"},
    ),
    "replay-attack": ({"light_adverse", "light_controlled"}, {"light_adverse", "light_controlled"}),
    "msu-mfsd": ({"camera_android"}, {"camera_laptop"}),
    "wmca": ({"session_01"}, {"session_01", "session_02", "session_03"}),
    "padisi": ({VISIT}, {VISIT, "visit_dab9b50ddf6e50bffb6a9a8fd4bede0f"}),
    "celeba-spoof": ({None}, {None}),
    "siw": (
        {"sensor_1_session_1", "sensor_2_session_1", "sensor_1_session_2"},
        {"sensor_1_session_1", "sensor_2_session_2"},
    ),
    "siw-m": ({None}, {None}),
    "nuaa": ({"session_01", "session_03"}, {"session_01", "session_03"}),
    "rose-youtu": ({"device_5s", "device_zte"}, {"device_hs", "device_5s", "device_ip"}),
    "casia-surf": ({None}, {None}),
    "casia-cefa": ({"session_1"}, {"session_1", "session_2"}),
    "hifimask": (
        {"scene_6_light_6_sensor_8", "scene_5_light_0_sensor_4", "scene_1_light_1_sensor_1"},
        {"scene_4_light_0_sensor_8", "scene_6_light_5_sensor_2", "scene_1_light_1_sensor_1"},
    ),
    "uniattackdata": ({None}, {None}),
    "pairs": ({None}, {None}),
}


@pytest.mark.parametrize("name", list(TREES))
def test_sittings_are_what_live_faces_and_attacks_have_in_common(tmp_path: Path, name: str) -> None:
    rows = [source.fields or {} for source in listed(name, TREES[name](tmp_path)).values() if not source.reject]
    live, spoof = ({row.get("sitting") for row in rows if row["label"] == label} for label in ("live", "spoof"))
    assert (live, spoof) == SITTINGS[name]


def test_the_quality_of_a_casia_recording_follows_from_its_file() -> None:
    found = {file: fields("casia_fasd", file)["quality"] for file in ("1", "4", "7", "8", "hr_1", "hr_4")}
    assert found == {"1": "normal", "4": "low", "7": "normal", "8": "low", "hr_1": "high", "hr_4": "high"}
