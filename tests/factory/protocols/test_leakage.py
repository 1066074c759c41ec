"""What may not leak into training: generated rows, models, and the command that counts."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.corpora import row, write_corpus
from factory import protocols
from factory.corpus.row import Row
from factory.protocols.leakage import shared_subjects
from factory.storage import Storage
from tests.protocol_rows import four, generated, view


def test_a_generated_corpus_of_the_train_part_is_taken() -> None:
    protocol = protocols.load("mi-c")
    lines = four()
    live = next(n for n, x in enumerate(lines) if (x["domain"], x["attack"]) == ("msu_mfsd", "live"))
    guide = next(n for n, x in enumerate(lines) if (x["domain"], x["attack"]) == ("replay_attack", "print"))
    made = generated(live_key=f"row-{live:05d}", guide_key=f"row-{guide:05d}")
    sources = [view(lines, protocol)]
    assert protocols.check_generated(view([made], protocol), sources) == {"rows": 1, "live": 1, "guide": 1}
    assert protocols.check_generated(view([made], protocol), []) == {"rows": 1, "live": 0, "guide": 0}
    assert protocols.check_generated(view([made], None), sources) == {}
    assert view([made], protocol).column("split").tolist() == ["train"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"domain": "casia_fasd"}, "show print of domain casia_fasd"),
        ({"live_domain": "casia_fasd"}, "made from a live face of casia_fasd"),
        ({"live_domain": "lab"}, "made from a live face of lab"),
    ],
)
def test_a_generated_row_of_a_test_domain_is_refused(changed: dict[str, Any], message: str) -> None:
    protocol = protocols.load("mi-c")
    good = [generated(key=f"made-{n}") for n in range(3)]
    leaking = view([*good, generated(key="made-9", **changed)], protocol)
    with pytest.raises(ValueError, match=f"1 of 4 rows, such as made-9, .*{message}.*generate it with protocol=mi-c"):
        protocols.check_generated(leaking, [])


def test_generated_rows_among_real_ones_are_looked_at_too() -> None:
    protocol = protocols.load("mi-c")
    protocols.check(view([*four(), generated()], protocol), ("train",))
    with pytest.raises(ValueError, match="live face of casia_fasd"):
        protocols.check(view([*four(), generated(live_domain="casia_fasd")], protocol), ("train",))


def test_a_generated_unseen_attack_is_refused() -> None:
    protocol = protocols.load("wmca-loo-glasses")
    made = generated(domain="wmca", live_domain="wmca", attack="replay", capture="001_01_000_0_00")
    protocols.check_generated(view([made], protocol), [])
    with pytest.raises(ValueError, match="show glasses of domain wmca"):
        protocols.check_generated(view([{**made, "attack": "glasses"}], protocol), [])


def test_a_generated_row_of_an_unseen_phone_is_refused_by_its_recording() -> None:
    made = generated(domain="oulu_npu", live_domain="oulu_npu", capture="2_1_05_1")
    protocols.check_generated(view([made], protocols.load("oulu-3_1")), [])
    with pytest.raises(ValueError, match="live face of oulu_npu, 2_1_05_1"):
        protocols.check_generated(view([made], protocols.load("oulu-3_2")), [])


@pytest.mark.parametrize(("kind", "attack"), [("live", "live"), ("guide", "print")])
def test_sources_at_hand_are_looked_up(kind: str, attack: str) -> None:
    """By domain and attack alone a dev face of a source data set would pass."""
    protocol = protocols.load("mi-c")
    lines = four()
    wanted = {"live": ("replay_attack", "live"), "guide": ("replay_attack", "print")}[kind]
    leak = next(n for n, x in enumerate(lines) if (x["domain"], x["attack"]) == wanted and x["split"] == "dev")
    made = generated(live_domain="replay_attack", **{f"{kind}_key": f"row-{leak:05d}"})
    protocols.check_generated(view([made], protocol), [])
    with pytest.raises(ValueError, match=f"made from a {kind} that is not in that part, row-{leak:05d}"):
        protocols.check_generated(view([made], protocol), [view(lines, protocol)])
    another = [{**line, "domain": "siw"} for line in lines]  # the same key, but of another data set
    assert protocols.check_generated(view([made], protocol), [view(another, protocol)])[kind] == 0


def test_models_of_other_training_rules_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    storage = Storage(str(tmp_path))
    mi_c, mi_o, oci_m = (protocols.load(name) for name in ("mi-c", "mi-o", "oci-m"))
    identity = {"protocol": protocols.record(mi_c)}
    claim = {"job": "fit-style", "fingerprint": "0" * 64, "config": {}, "identity": identity, "software": {}}
    storage.create("run.json", json.dumps(claim).encode())
    protocols.check_model(storage, None, "the model")
    protocols.check_model(storage, mi_o, "the model")  # trained on the same rows
    with pytest.raises(ValueError, match="trained under another protocol"):
        protocols.check_model(storage, oci_m, "the model")
    protocols.check_model(Storage(f"{tmp_path}/none"), oci_m, "the model")
    assert "nothing says whether the model" in capsys.readouterr().err
    broken = Storage(f"{tmp_path}/broken")
    broken.create("run.json", b"{}")
    with pytest.raises(ValueError, match="is corrupt"):
        protocols.check_model(broken, oci_m, "the model")


def test_a_person_is_one_in_all_parts_of_a_domain(tmp_path: Path) -> None:
    def at(domain: str, subject: str, split: str) -> Row:
        return row(next(numbers), domain=domain, subject=subject, split=split)

    numbers = itertools.count()
    first = at("cam__session_01", "s1", "train")
    for other, shared in (
        (at("cam__session_02", "s1", "test"), [("cam", "s1")]),
        (at("cam", "s1", "test"), [("cam", "s1")]),
        (at("phone__session_01", "s1", "test"), []),
    ):
        corpus = write_corpus(tmp_path / other.key, [first, other])
        assert shared_subjects(corpus, "train", "test") == shared


def test_a_judge_is_of_the_protocol_and_of_other_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mi_c, oci_m = protocols.load("mi-c"), protocols.load("oci-m")
    corpus = write_corpus(tmp_path / "faces", [row(0)])

    def judge(name: str, **identity: Any) -> str:
        (tmp_path / name).mkdir()
        claim = {
            "job": "fit-judge",
            "fingerprint": "0",
            "identity": identity,
            "config": {},
            "software": {},
            "code": {},
        }
        (tmp_path / name / "run.json").write_text(json.dumps(claim))
        return f"{tmp_path}/{name}"

    plain = judge("plain", corpus=corpus.digest, split="dev")
    protocols.check_judge(plain, "inputs.judge", [corpus], ("test", None))
    protocols.check_judge(f"{tmp_path}/nothing", "inputs.judge", [corpus], ("dev",))
    with pytest.raises(
        ValueError, match=r"^inputs\.judge .*/plain learned from split 'dev' of .*/faces, whose people"
    ):
        protocols.check_judge(plain, "inputs.judge", [corpus], ("dev", "test"))
    viewed = corpus.under(mi_c)
    assert "nothing says whether" not in capsys.readouterr().err
    protocols.check_judge(plain, "inputs.judge", [viewed], ("test",))
    assert "nothing says whether inputs.judge" in capsys.readouterr().err
    mine = judge("mine", corpus=viewed.digest, split="train", protocol=protocols.record(mi_c))
    protocols.check_judge(mine, "inputs.judge", [viewed], ("dev", "test"))
    other = judge("other", protocol=protocols.record(oci_m))
    with pytest.raises(ValueError, match="^inputs.judge .*/other was trained under another protocol.* protocol=mi-c"):
        protocols.check_judge(other, "inputs.judge", [viewed], ("dev", "test"))
