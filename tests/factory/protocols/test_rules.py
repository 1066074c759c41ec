"""What a protocol's rules give: official counts, laws, and mistakes that are named."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.corpora import row, write_corpus
from factory import protocols
from factory.corpus import Corpus
from factory.protocols import PARTS, Protocol
from tests.protocol_rows import (
    SHIPPED,
    WMCA_ATTACKS,
    WMCA_LOO,
    faces,
    four,
    index,
    oulu,
    small,
    view,
    wmca,
)

OFFICIAL = {
    "oulu-1": ((240, 960), (180, 720), (120, 480)),
    "oulu-2": ((360, 720), (270, 540), (360, 720)),
    **{f"oulu-3_{k}": ((300, 1200), (225, 900), (60, 240)) for k in range(1, 7)},
    **{f"oulu-4_{k}": ((200, 400), (150, 300), (20, 40)) for k in range(1, 7)},
}


def test_oulu_protocols_have_the_official_counts() -> None:
    """Live and attack recordings of train, dev and test, as in the official lists."""
    lines = oulu()
    live = np.array([line["attack"] == "live" for line in lines])
    table = index(lines)
    for name, counts in OFFICIAL.items():
        parts = protocols.load(name).assign(table)
        found = tuple((int((live & (parts == p)).sum()), int((~live & (parts == p)).sum())) for p in PARTS)
        assert found == counts, name


@pytest.mark.parametrize("phone", [1, 6])
def test_an_unseen_phone_is_in_test_alone(phone: int) -> None:
    lines = oulu()
    for family in ("3", "4"):
        parts = protocols.load(f"oulu-{family}_{phone}").assign(index(lines))
        seen = {part: {lines[n]["capture"][0] for n in np.flatnonzero(parts == part)} for part in PARTS}
        assert seen["test"] == {str(phone)} and not (seen["train"] | seen["dev"]) & {str(phone)}


def test_siw_counts() -> None:
    """90 and 75 subjects with 8 live, 2 print and 16 replay recordings; bob's lists name those that exist."""
    kinds = [(sensor, 1, medium, session) for sensor, medium, session in itertools.product((1, 2), (1, 2), (1, 2))]
    kinds += [(1, 2, medium, 1) for medium in (1, 2)]
    kinds += [
        (sensor, 3, medium, session) for sensor, medium, session in itertools.product((1, 2), range(1, 5), (1, 2))
    ]
    lines = [
        {
            "domain": "siw",
            "split": "train" if subject <= 90 else "test",
            "attack": ("live", "print", "replay")[kind[1] - 1],
            "subject": f"{subject:03d}",
            "capture": "-".join([f"{subject:03d}", *map(str, kind)]),  # dashes, as on disk
        }
        for subject, kind in itertools.product(range(1, 166), kinds)
    ]
    live = np.array([line["attack"] == "live" for line in lines])

    def counts(name: str) -> list[tuple[int, int]]:
        parts = protocols.load(name).assign(index(lines))
        return [(int((live & (parts == p)).sum()), int((~live & (parts == p)).sum())) for p in ("train", "test")]

    assert counts("siw-1") == [(720, 90 * 18), (600, 75 * 18)]
    assert [counts(f"siw-2_{k}") for k in range(1, 5)] == [[(720, 90 * 12), (600, 75 * 4)]] * 4
    assert counts("siw-3_1") == [(720, 180), (600, 75 * 16)]
    assert counts("siw-3_2") == [(720, 90 * 16), (600, 150)]


@pytest.mark.parametrize(
    ("name", "sources", "target"),
    [
        ("oci-m", {"oulu_npu", "casia_fasd", "replay_attack"}, "msu_mfsd"),
        ("omi-c", {"oulu_npu", "msu_mfsd", "replay_attack"}, "casia_fasd"),
        ("ocm-i", {"oulu_npu", "casia_fasd", "msu_mfsd"}, "replay_attack"),
        ("icm-o", {"replay_attack", "casia_fasd", "msu_mfsd"}, "oulu_npu"),
        ("mi-c", {"msu_mfsd", "replay_attack"}, "casia_fasd"),
        ("mi-o", {"msu_mfsd", "replay_attack"}, "oulu_npu"),
    ],
)
def test_cross_data_set_protocols(name: str, sources: set[str], target: str) -> None:
    lines, protocol = four(), protocols.load(name)
    parts = protocol.assign(index(lines))
    domains = {part: {lines[n]["domain"] for n in np.flatnonzero(parts == part)} for part in PARTS}
    assert domains["train"] == sources and domains["test"] == {target} and domains["dev"] <= sources
    splits = {part: {lines[n]["split"] for n in np.flatnonzero(parts == part)} for part in PARTS}
    assert splits == {"train": {"train", "test"}, "dev": {"dev"}, "test": {"train", "test"}}
    protocols.check(view(lines, protocol), PARTS)


CELEBA_TARGETS = {
    "o": ("oulu_npu", {"train", "test"}),
    "c": ("casia_fasd", {"train", "test"}),
    "i": ("replay_attack", {"train", "test"}),
    "m": ("msu_mfsd", {"train", "test"}),
    "wmca": ("wmca", {*PARTS}),
    "surf": ("casia_surf", {*PARTS}),
    "cefa": ("casia_cefa", {*PARTS}),
}


@pytest.mark.parametrize("name", CELEBA_TARGETS)
def test_celeba_spoof_is_trained_on_and_another_data_set_tested(name: str) -> None:
    target, tested = CELEBA_TARGETS[name]
    celeba = faces("celeba_spoof", ("print", "replay", "mask"), ("train", "test"))
    lines = [
        *celeba,
        *four(),
        *(line for domain in ("wmca", "casia_surf", "casia_cefa") for line in faces(domain, ())),
    ]
    protocol = protocols.load(f"celeba-{name}")
    parts = protocol.assign(index(lines))
    found = {part: {(lines[n]["domain"], lines[n]["split"]) for n in np.flatnonzero(parts == part)} for part in PARTS}
    assert found == {
        "train": {("celeba_spoof", "train")},
        "dev": {("celeba_spoof", "test")},
        "test": {(target, split) for split in tested},
    }
    protocols.check(view(lines, protocol), PARTS)
    assert protocol.training_digest == protocols.load("celeba-o").training_digest, "one model for all seven"
    with pytest.raises(ValueError, match=f"test has no row of domain {target}"):
        protocols.check(view([line for line in lines if line["domain"] != target], protocol), ("test",))


def test_celeba_spoof_tests_the_rows_that_ocim_tests() -> None:
    """So that a figure stands beside those of the protocols with three sources."""
    table = index(four())
    for name, ocim in (("o", "icm-o"), ("c", "omi-c"), ("i", "ocm-i"), ("m", "oci-m")):
        mine, theirs = (protocols.load(one).assign(table) == "test" for one in (f"celeba-{name}", ocim))
        assert mine.any() and (mine == theirs).all()


@pytest.mark.parametrize("attack", WMCA_ATTACKS)
@pytest.mark.parametrize("coarse", [False, True])
def test_an_unseen_attack_is_never_trained_on(attack: str, coarse: bool) -> None:
    lines, table = wmca(), index(wmca(coarse=coarse))
    parts = protocols.load(f"wmca-loo-{attack}").assign(table)
    seen = {part: {lines[n]["attack"] for n in np.flatnonzero(parts == part)} for part in PARTS}
    assert seen["train"] == seen["dev"] == {"live", *WMCA_ATTACKS} - {attack}
    assert seen["test"] == {"live", attack}


LINE = st.fixed_dictionaries(
    {
        "domain": st.sampled_from(
            ["oulu_npu", "casia_fasd", "replay_attack", "msu_mfsd", "wmca", "padisi", "siw", "celeba_spoof", "other"]
        ),
        "split": st.sampled_from([*PARTS, ""]),
        "attack": st.sampled_from(["live", "mask", *WMCA_ATTACKS]),
        "subject": st.sampled_from(["1", "2"]),
        "capture": st.one_of(
            st.none(),
            st.from_regex(r"\A[1-6]_[1-3]_[0-5][0-9]_[1-5]\Z"),
            st.from_regex(r"\A[01][0-9][0-9]-[12]-[123]-[1-4]-[12]\Z"),
            st.from_regex(r"\A00[0-9]_01_000_[0-4]_[0-1][0-9]\Z"),
            st.text(max_size=5),
        ),
    }
)


@settings(max_examples=60, deadline=None)
@given(lines=st.lists(LINE, max_size=30))
def test_law_a_row_is_in_one_part_at_most_and_only_what_rules_admit(lines: list[dict[str, Any]]) -> None:
    table = index(lines)
    for name, protocol in SHIPPED.items():
        parts = protocol.assign(table)  # refuses a row in two parts
        assert set(parts) <= {*PARTS, ""}
        for line, part in zip(lines, parts, strict=True):
            assert not part or protocol.admits(part, line["domain"], line["attack"])
            if name in WMCA_LOO and part in ("train", "dev"):
                unseen = name.rpartition("-")[2]
                assert protocol.fields("wmca", line["capture"] or "").get("instrument") != unseen


def test_everything_that_ships_loads_and_is_told_apart() -> None:
    assert len({protocol.digest for protocol in SHIPPED.values()}) == len(SHIPPED) == len(protocols.names()) - 3
    assert protocols.load("mi-c").training_digest == protocols.load("mi-o").training_digest
    assert protocols.load("oci-m").training_digest != protocols.load("omi-c").training_digest


def test_a_row_in_two_parts_is_refused() -> None:
    rule = [{"domain": "wmca"}]
    base = {"name": "both", "title": "t", "source": "s", "thresholds": ["0.5"]}
    protocol = Protocol.model_validate({**base, "train": rule, "test": rule})
    with pytest.raises(ValueError, match="protocol both puts 6 rows, such as row-00000, in train and test"):
        protocol.assign(index(faces("wmca", ("print", "replay"), ("train",))))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trane": []}, "unknown config key 'trane'; did you mean 'train'"),
        ({"train": [{"domain": "oulu_npu", "splits": "train"}]}, "unknown config key .*splits"),
        (
            {"train": [{"domain": "oulu_npu", "capture": {"phone": 1}}]},
            "a rule asks for 'phone' of a oulu_npu recording, whose fields are capture:",
        ),
        ({"recordings": {"oulu_npu": "("}}, "not a regular expression"),
        ({"thresholds": ["best"]}, "thresholds"),
        ({"train": []}, "train"),
        ({"train": [{"domain": "a", "list": {"file": "absent.txt", "line": "(?P<capture>.*)"}}]}, "absent.txt is not"),
    ],
)
def test_mistakes_in_a_file_are_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    values: dict[str, Any] = {
        "title": "t",
        "source": "s",
        "thresholds": ["0.5"],
        "train": [{"domain": "a"}],
        "test": [{"domain": "b"}],
    }
    values |= {"recordings": {"oulu_npu": ".*"}}
    file = tmp_path / "own.yaml"
    file.write_text(yaml.safe_dump({"protocols": {"mine": values}}))
    assert protocols.load(str(file)).name == "mine"
    file.write_text(yaml.safe_dump({"protocols": {"mine": {**values, **change}}}))
    with pytest.raises(ValueError, match=message) as caught:
        protocols.load(str(file))
    assert "\n" not in str(caught.value)


def test_names_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no protocol 'oci_m'; did you mean 'oci-m'"):
        protocols.load("oci_m")
    with pytest.raises(ValueError, match="does not exist"):
        protocols.load(f"{tmp_path}/none.yaml")
    part = "{title: t, source: s, thresholds: ['0.5'], train: [{domain: a}], test: [{domain: b}]}"
    (tmp_path / "two.yaml").write_text(f"protocols: {{one: {part}, two: {part}}}")
    with pytest.raises(ValueError, match="holds one, two: say which one"):
        protocols.load(f"{tmp_path}/two.yaml")
    assert protocols.load(f"{tmp_path}/two.yaml:two").name == "two"


def test_what_is_missing_is_named() -> None:
    lines = [line for line in four() if line["domain"] != "casia_fasd"]
    corpus = view(lines, protocols.load("oci-m"))
    with pytest.raises(ValueError, match=r"train has no row of domain casia_fasd \(split train, test\)"):
        protocols.check(corpus, ("train",))
    protocols.check(corpus, ("test", None))
    unglazed = view(wmca(WMCA_ATTACKS[:-1]), protocols.load("wmca-loo-glasses"))
    with pytest.raises(ValueError, match=r"test has no row of domain wmca \(split test; instrument glasses\)"):
        protocols.check(unglazed, ("test",))
    named = {"domain": "msu_mfsd", "attack": ["live", "mask"]}
    base = {"name": "own", "title": "t", "source": "s", "thresholds": ["0.5"], "test": [{"domain": "siw"}]}
    with pytest.raises(ValueError, match="train has no row of domain msu_mfsd with attack mask"):
        protocols.check(view(lines, Protocol.model_validate({**base, "train": [named]})), ("train",))
    with pytest.raises(ValueError, match="split 'eval' is not a part of a protocol"):
        protocols.check(corpus, ("eval",))


def test_subjects_in_train_and_test_are_refused_where_the_protocol_says_so() -> None:
    lines = oulu()
    moved = next(line for line in lines if line["split"] == "test" and line["capture"].startswith("1_3"))
    lines.append({**moved, "split": "train", "capture": "1_1_36_1"})
    with pytest.raises(ValueError, match="1 subjects in train and in test, such as oulu_npu 36"):
        protocols.check(view(lines, protocols.load("oulu-1")), ("train", "test"))
    clients = [{**line, "subject": "100"} for line in wmca()]
    protocols.check(view(clients, protocols.load("wmca-grandtest")), PARTS)


def test_a_view_replaces_the_split_and_the_digest(tmp_path: Path) -> None:
    real = write_corpus(tmp_path, [row(n, **line) for n, line in enumerate(small())])
    seen = real.under(protocols.load("mi-c"))
    assert set(seen.column("split")) == {"train", "dev", "test", ""} and set(real.column("split")) == set(PARTS)
    assert len(seen.where(split="train")) == len(seen.column("key")[seen.column("split") == "train"])
    assert real.digest == Corpus(str(tmp_path)).digest != seen.digest
    grown = real.under(protocols.load("mi-c"))
    place = grown.index.schema.get_field_index("split")
    grown.index = grown.index.set_column(place, "split", pa.array(["train"] * len(grown)).dictionary_encode())
    assert grown.digest != seen.digest, "the parts themselves are in it, not only the rules"
    assert real.under(protocols.load("mi-o")).digest != seen.digest
    assert real.under(None) is real
    assert protocols.open_corpus(str(tmp_path), protocols.protocol_of(seen)).digest == seen.digest
