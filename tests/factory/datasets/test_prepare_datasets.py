"""Licensed trees through the prepare station: plan, shards, ledger, corpus."""

from __future__ import annotations

import re
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.corpora import write_corpus
from difffas.errors import UserError
from factory import prepare
from factory.cli import main
from factory.core.config import build
from factory.corpus import Corpus
from factory.corpus.encode import encode_and_score
from factory.datasets import fields, frame_number
from factory.generate import GenerateConfig
from factory.generate.forecast import forecast
from factory.prepare import PrepareConfig, plan, read_shard
from factory.run.ledger import Ledger
from factory.train.triples import Pairs
from tests.factory.datasets import trees
from tests.factory.datasets.trees import TREES, frame, write_text


def config(dataset: str | None, root: Path | str, **given: Any) -> PrepareConfig:
    values = {"source": str(root), "dataset": dataset, "crop": "none", "size": 32, "frames_per_video": 2}
    return build(PrepareConfig, {**values, "license": "restricted", "out": f"{root}-out", **given})


def records(given: PrepareConfig) -> dict[str, tuple[dict[str, Any], np.ndarray]]:
    """Row, with the reject among it, and pixels of every image, by source."""
    found: dict[str, tuple[dict[str, Any], np.ndarray]] = {}
    for entries in plan(given).shards.values():
        shard = read_shard(given, entries)
        for record, pixels in zip(shard["records"], shard["pixels"], strict=True):
            found[str(record["row"]["source"])] = ({**record["row"], "reject": record["reject"]}, pixels)
    return found


@pytest.mark.parametrize("name", list(TREES))
def test_every_tree_becomes_rows(tmp_path: Path, name: str) -> None:
    given = {"subjects_unknown": True} if name == "pairs" else {}  # names such as a.png say nobody
    found = records(config(name, TREES[name](tmp_path / "tree"), **given))
    good = [(row, pixels) for row, pixels in found.values() if not row["reject"]]
    assert good and all(pixels.any() for _, pixels in good)
    assert {row["label"] for row, _ in good} == {0, 1}
    assert all((row["label"] == 0) == (row["attack"] == "live") for row, _ in good)
    assert all(row["split"] and row["capture"] and row["subject"] for row, _ in good)
    expected = {"celeba-spoof": {"missing file": 1}, "nuaa": {"in no list": 1}}
    assert Counter(row["reject"] for row, _ in found.values() if row["reject"]) == expected.get(name, {})


def test_what_protocols_need_is_in_the_rows(tmp_path: Path) -> None:
    found = records(config("replay-attack", trees.replay_attack(tmp_path / "tree")))
    source = "devel/attack/hand/attack_mobile_client003_session01_mobile_video_controlled.mov/000007"
    row, pixels = found[source]
    assert (row["domain"], row["style"], row["split"]) == ("replay_attack", "replay_attack-replay", "dev")
    assert row["subject"] == "client003" and frame_number(row["source"]) == 7
    assert fields(row["domain"], row["capture"])["support"] == "hand"
    assert row["key"].rsplit("-", 1)[0].endswith("-000007")
    assert np.abs(pixels[28, 28].astype(int) - frame(7)[40, 40]).max() <= 12


@pytest.mark.parametrize(
    ("name", "lack"),
    [
        ("wmca", r"\*grand\*.csv"),
        ("padisi", "padisi_USC_FACE_dataset_partition_3folds_part0.csv"),
        ("pairs", "say none"),
        ("siw-m", "testlist_live.txt"),
        ("hifimask", r"CASIA_HiFiMask@p1_video_train.txt \(dev, test\)"),
        ("uniattackdata", r"UniAttackData@p1_video_train.txt \(dev, test\)"),
    ],
)
def test_without_an_official_split_what_is_missing_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, lack: str
) -> None:
    root = TREES[name](tmp_path / "tree")
    for part in (*root.rglob("*part0.csv"), *root.rglob("*list_*.txt"), *root.rglob("*@p1_*.txt")):
        part.unlink()
    given = {"subjects_unknown": True} if name in ("pairs", "siw-m") else {}  # names such as a.png say nobody
    assert all(row["split"] for row, _ in records(config(name, root, **given)).values())
    assert re.search(f"prepare: no official split, .*{lack}: people are split by hash", capsys.readouterr().err)


def test_attacks_by_instrument(tmp_path: Path) -> None:
    root = trees.oulu_npu(tmp_path / "tree")
    styles = {row["style"] for row, _ in records(config("oulu-npu", root, attack_names="instrument")).values()}
    assert styles == {f"oulu_npu-{name}" for name in ("live", "print_1", "print_2", "replay_1", "replay_2")}


def test_videos_stay_together_in_shards(tmp_path: Path) -> None:
    root = trees.casia_fasd(tmp_path / "tree")
    made = plan(config("casia-fasd", root, frames_per_video=4, output={"rows_per_shard": 8}))
    for entries in made.shards.values():
        files = [entry.file for entry in entries]
        assert all(count == 4 for count in Counter(files).values())
        assert files[::4] == list(dict.fromkeys(files))
        assert [entry.at for entry in entries] == [2, 7, 12, 17] * (len(files) // 4)


def test_shipped_boxes_crop(tmp_path: Path) -> None:
    root = trees.replay_attack(tmp_path / "tree")
    found = records(config("replay-attack", root, crop="dataset", margin=1, frames_per_video=10))
    real = "train/real/client001_session01_webcam_authenticate_adverse_1.mov"
    row, pixels = found[f"{real}/000005"]
    assert row["reject"] is None
    expected = frame(5)[12:36, 8:32]  # a square of 24 about the box 10, 12, 20×24
    assert np.abs(pixels[::31, ::31].astype(int) - expected[::23, ::23]).max() <= 12
    assert found[f"{real}/000000"][0]["reject"] == found[f"{real}/000003"][0]["reject"] == "no face"
    others = {row["reject"] for source, (row, _) in found.items() if real not in source}
    assert others == {"no box file"}


def test_boxes_of_images_scale_with_them(tmp_path: Path) -> None:
    found = records(config("celeba-spoof", trees.celeba_spoof(tmp_path / "tree"), crop="dataset", margin=1))
    reasons = {source: row["reject"] for source, (row, _) in found.items()}
    assert reasons["Data/test/5007/spoof/497050.png"] is None
    assert reasons["Data/train/1/live/000184.jpg"] == "no box file"


def test_a_video_upside_down_is_turned(tmp_path: Path) -> None:
    found = records(config("msu-mfsd", trees.msu_mfsd(tmp_path / "tree")))
    upright = found["scene01/real/real_client001_android_SD_scene01.mp4/000005"][1]
    turned = found["scene01/real/real_client003_android_SD_scene01.mp4/000005"][1]
    assert (np.abs(turned.astype(int) - upright[::-1, ::-1]) <= 8).all() and not (turned == upright).all()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"dataset": "oulu"}, "config key 'dataset'.*'oulu-npu', 'casia-fasd'"),
        ({"pattern": "{attack}/{subject}"}, "dataset=casia-fasd says what its files are: leave out pattern"),
        ({"columns": {"subject": "x"}}, "leave out columns"),
        ({"live": ["1"]}, "leave out live"),
        ({"source_format": "folder"}, "leave out source_format"),
        ({"dataset_list": "x.csv"}, "dataset_list is for dataset=wmca, padisi, pairs, not for casia-fasd"),
        ({"dataset": "nuaa", "frames_within": 60}, "frames_within is for data sets of videos, not for nuaa"),
        ({"crop": "dataset"}, "crop=dataset needs a data set with face boxes .oulu-npu, .* not casia-fasd"),
        ({"dataset": None, "crop": "dataset"}, "crop=dataset needs a data set"),
        ({"crop": "retinaface"}, "crop=retinaface needs weights=FILE; crop=none"),
        ({"dataset": "oulu-npu", "crop": "retinaface"}, "crop=dataset takes the boxes of the data set, crop=none"),
        ({"frames_per_video": 0}, "frames_per_video"),
    ],
)
def test_mistakes_are_named_in_one_line(tmp_path: Path, given: dict[str, Any], message: str) -> None:
    dataset = given.get("dataset", "casia-fasd")
    with pytest.raises(ValueError, match=message) as caught:
        config(dataset, tmp_path, **{name: value for name, value in given.items() if name != "dataset"})
    assert "\n" not in str(caught.value)


def test_the_command_names_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_text(tmp_path / "tree/Train_files/readme.txt", "x")
    arguments = ["prepare", str(tmp_path / "tree"), "--dataset", "oulu-npu", "--crop", "dataset"]
    with pytest.raises(SystemExit) as caught:
        main([*arguments, "--out", str(tmp_path / "out")])
    assert caught.value.code == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and "lacks Dev_files/, Test_files/" in lines[0]
    assert not (tmp_path / "out").exists()


def test_through_the_line(tmp_path: Path, in_process: None) -> None:
    root = trees.oulu_npu(tmp_path / "tree")
    write_text(root / "Train_files/2_1_02_1.avi", "no video")
    cut = root / "Train_files/1_1_01_5.avi"
    cut.write_bytes(cut.read_bytes()[: int(0.8 * cut.stat().st_size)])
    given = config("oulu-npu", root, frames_per_video=4, output={"rows_per_shard": 8})
    summary = prepare.run(given)
    corpus = Corpus(given.out)
    told: Counter[str] = Counter()
    for record in Ledger(corpus.storage).records():
        told.update(record["rejects_by_reason"])
    assert summary["planned"] == 4 * 9 + 1 == summary["written"] + sum(told.values())
    assert told["broken video"] == 1 and told["truncated video"] + told["broken frame"] == sum(told.values()) - 1 > 0
    assert set(corpus.column("domain")) == {"oulu_npu"} and set(corpus.column("split")) == {"train", "dev", "test"}
    by_source = dict(zip(corpus.column("source"), corpus.pixels(range(len(corpus))), strict=True))
    shades = {source: int(pixels[28, 28].mean()) for source, pixels in by_source.items()}
    assert all(abs(shade - 10 * int(str(frame_number(source)))) <= 6 for source, shade in shades.items())
    assert prepare.run(given) == summary  # again is a no-op


def test_pair_lists_pair_as_they_say(tmp_path: Path, in_process: None) -> None:
    root = trees.pairs(tmp_path / "tree")
    (root / "PADISI.json").unlink()  # a style of one image has no guide
    (root / "WMCA.json").unlink()
    write_text(root / "OCIM.json", '[["/O1/a.png", "/O2/a.png"], ["/O1/b.png", "/O2/b.png"]]')
    for name in ("O1/b.png", "O2/b.png"):
        trees.write_image(root / name)
    given = config("pairs", root, split={"train": 1.0})
    prepare.run(given)
    corpus = Corpus(given.out)
    live, spoof, _ = Pairs(corpus, "train", seed=0)(np.arange(20))
    sources = corpus.column("source")
    pairs = {(sources[a], sources[b]) for a, b in zip(live, spoof, strict=True)}
    assert pairs == {("O1/a.png", "O2/a.png"), ("O1/b.png", "O2/b.png")}


def test_splits_are_not_drawn_of_images_that_show_nobody_knows_whom(tmp_path: Path) -> None:
    root = trees.pairs(tmp_path / "tree")
    with pytest.raises(UserError, match=r"the names of 8 images do not say who is shown, such as .*subjects_unknown"):
        plan(config("pairs", root))
    assert plan(config("pairs", root, split={"train": 1.0})).shards
    for name in ("OCIM.json", "PADISI.json"):
        (root / name).unlink()
    assert plan(config("pairs", root)).shards  # WMCA's names say it


def test_siw_m_says_that_it_knows_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With official lists there is nothing to draw; without them nothing is drawn unless the user says so."""
    root = trees.siw_m(tmp_path / "tree")
    assert plan(config("siw-m", root)).shards
    told = "the names of 12 images do not say who is shown, such as Live/Live_1.mov/000002"
    assert f"prepare: {told}: nothing keeps these people apart, in splits or in pairs\n" in capsys.readouterr().err
    trees.write_video(root / "Live/Live_2.mov", 10)  # in no list: a reject, of which no split is drawn
    assert plan(config("siw-m", root)).shards
    for name in (root / "PROTOCOL").iterdir():
        name.unlink()
    with pytest.raises(
        UserError, match=r"the names of 14 .*--subjects-unknown\) to take every recording for another p"
    ):
        plan(config("siw-m", root))
    assert plan(config("siw-m", root, split={"train": 1.0})).shards
    shards = plan(config("siw-m", root, subjects_unknown=True, split={"train": 0.5, "test": 0.5})).shards
    entries = [entry for shard in shards.values() for entry in shard]
    assert len({entry.subject for entry in entries}) == 7 and {entry.split for entry in entries} == {"train", "test"}


@pytest.mark.parametrize(
    ("name", "again"),
    [
        ("casia-surf", "Data/Val/real_part/CLKJ_AS0005/real.rssdk/color/0001.jpg"),
        ("rose-youtu", "test/2/G_NT_5s_g_E_2_9.mp4"),
    ],
)
def test_a_person_in_two_folders_of_splits_is_said(tmp_path: Path, name: str, again: str) -> None:
    root = TREES[name](tmp_path / "tree")
    (trees.write_video if again.endswith("mp4") else trees.write_image)(root / again)
    assert "warning: 1 subject names are in more than one split" in plan(config(name, root)).describe()


def test_frames_within_is_for_folders_of_frames_too(tmp_path: Path) -> None:
    root = trees.casia_surf(tmp_path / "tree")
    shards = plan(config("casia-surf", root, frames_per_video=9, frames_within=3)).shards
    pictures = [entry.path for shard in shards.values() for entry in shard if "05_enm_s" in entry.path]
    assert sorted(path[-8:] for path in pictures) == ["0001.jpg", "0002.jpg", "0003.jpg"]


def test_trees_on_s3(tmp_path: Path, s3_bucket: str) -> None:
    import fsspec

    remote = fsspec.filesystem("s3", use_listings_cache=False)
    for name in ("oulu-npu", "wmca", "padisi"):
        root = TREES[name](tmp_path / name)
        url = f"{s3_bucket}/{uuid.uuid4().hex[:8]}"
        for path in root.rglob("*"):
            if path.is_file():
                remote.pipe_file(f"{url}/{path.relative_to(root)}".removeprefix("s3://"), path.read_bytes())
        here, there = records(config(name, root)), records(config(name, url, out=str(tmp_path / "out")))
        assert here.keys() == there.keys()
        assert all(
            (pixels == there[source][1]).all() and row == there[source][0] for source, (row, pixels) in here.items()
        )


@pytest.mark.parametrize(
    ("name", "field", "expected"),
    [
        ("oulu-npu", "session", {"oulu_npu__session_1"}),
        ("replay-attack", "light", {"replay_attack__light_adverse", "replay_attack__light_controlled"}),
        ("msu-mfsd", "camera", {"msu_mfsd__camera_android", "msu_mfsd__camera_laptop"}),
        ("siw", "sensor", {"siw__sensor_1", "siw__sensor_2"}),
        ("nuaa", "session", {"nuaa__session_01", "nuaa__session_03"}),
    ],
)
def test_a_field_of_the_recordings_divides_the_domain(
    tmp_path: Path, name: str, field: str, expected: set[str]
) -> None:
    root = TREES[name](tmp_path / "tree")
    rows = [entry for shard in plan(config(name, root, domain=field)).shards.values() for entry in shard]
    found = {str(entry.domain) for entry in rows if not entry.reject}
    assert expected <= found
    good = next(entry for entry in rows if not entry.reject)
    assert fields(str(good.domain), str(good.capture))[field] == str(good.domain).rpartition("_")[2]
    whole = [entry for shard in plan(config(name, root)).shards.values() for entry in shard]
    assert {entry.key for entry in whole} == {entry.key for entry in rows}


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        (
            "casia-fasd",
            ["quality"],
            {
                f"casia_fasd-{attack}-quality_{one}"
                for attack in ("print", "replay")
                for one in ("low", "normal", "high")
            },
        ),
        ("msu-mfsd", ["camera"], {"msu_mfsd-print-camera_laptop", "msu_mfsd-replay-camera_laptop"}),
        (
            "replay-attack",
            ["support"],
            {
                f"replay_attack-{one}"
                for one in ("print-support_fixed", "print-support_hand", "replay-support_hand", "replay-support_fixed")
            },
        ),
        (
            "oulu-npu",
            ["sitting"],
            {
                *(f"oulu_npu-{attack}-sitting_phone_1_session_1" for attack in ("print", "replay")),
                "oulu_npu-replay-sitting_phone_6_session_2",
                "oulu_npu-replay-sitting_phone_1_session_3",
            },
        ),
        ("siw", ["session", "medium"], {"siw-print-session_1-medium_1", "siw-replay-session_2-medium_4"}),
    ],
)
def test_fields_of_the_recordings_make_styles_finer(
    tmp_path: Path, name: str, given: list[str], expected: set[str]
) -> None:
    root = TREES[name](tmp_path / "tree")
    before, after = plan(config(name, root)), plan(config(name, root, style_fields=given))
    rows = [entry for shard in after.shards.values() for entry in shard]
    assert {str(entry.style) for entry in rows if entry.label == 1} == expected
    assert {entry.style for entry in rows if entry.label == 0} == {f"{rows[0].domain}-live"}
    assert "style_fields" not in before.identity and after.identity == {**before.identity, "style_fields": given}
    assert {entry.key for shard in before.shards.values() for entry in shard} == {entry.key for entry in rows}


def test_a_field_of_live_faces_alone_makes_no_style(tmp_path: Path) -> None:
    root = trees.replay_attack(tmp_path / "tree")
    there = "capture, device, light, presented, sample, session, sitting, support$"
    with pytest.raises(ValueError, match=f"style_fields=webcam is not a field of these spoofs: there are {there}"):
        plan(config("replay-attack", root, style_fields=["webcam"]))


def test_a_field_that_some_recordings_lack_rejects_these(tmp_path: Path) -> None:
    root = trees.replay_attack(tmp_path / "tree")
    rows = [
        entry for shard in plan(config("replay-attack", root, domain="support")).shards.values() for entry in shard
    ]
    assert {(entry.label, entry.reject) for entry in rows} == {(0, "no support"), (1, None)}
    message = (
        "domain=phone is not a field of these images: there are capture, device, light, presented, purpose, sample"
    )
    with pytest.raises(ValueError, match=message):
        plan(config("replay-attack", root, domain="phone"))


def nuaa_tree(root: Path, shared: Path, every: int = 6) -> Path:
    """Some of the real photographs in the archive's layout, with its lists: sessions 1 and 2 train, 3 tests."""
    listed: dict[str, list[str]] = {}
    for kind, folder in (("Client", "live"), ("Imposter", "print")):
        for photo in sorted((shared / "nuaa" / folder).glob("*/*.jpg"))[::every]:
            (root / f"{kind}Raw" / photo.parent.name).mkdir(parents=True, exist_ok=True)
            (root / f"{kind}Raw" / photo.parent.name / photo.name).symlink_to(photo)
            part = "test" if photo.stem.split("_")[3] == "03" else "train"
            listed.setdefault(f"{kind.lower()}_{part}_raw.txt", []).append(f"{photo.parent.name}\\{photo.name}")
    for name, lines in listed.items():
        write_text(root / name, "\r\n".join(lines))
    return root


def test_real_sessions_become_domains_and_a_plan(
    tmp_path: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """NUAA's own lists put six of ten people into training and test."""
    root = nuaa_tree(tmp_path / "nuaa", shared_data)
    given = config("nuaa", root, domain="session", split={"train": 0.7, "test": 0.3})
    rows = []
    for entries in plan(given).shards.values():
        shard = read_shard(given, entries)
        rows += encode_and_score(shard["records"], shard["pixels"], given.output)[0]
    assert (
        "people are in several given splits: with domain=session people are split by hash" in capsys.readouterr().err
    )
    people = {(row.subject, row.split) for row in rows}
    assert len(people) == len({subject for subject, _ in people}) == 10
    assert {row.domain for row in rows} == {f"nuaa__session_0{n}" for n in (1, 2, 3)}
    write_corpus(tmp_path / "real", rows)
    inputs = {"live": str(tmp_path / "real"), "guides": str(tmp_path / "real"), "generator": "dummy"}
    wanted = {"inputs": inputs, "out": str(tmp_path / "spoofs"), "plan": {"splits": ["train", "test"], "samples": 40}}
    made = forecast(build(GenerateConfig, wanted), None, None)
    assert made["samples"] == 80 and sum(made["styles"].values()) == 80
    assert set(made["styles"]) == {f"nuaa__session_0{n}-print" for n in (1, 2, 3)}
    sole = {**wanted, "plan": {"styles": ["nuaa__session_01-print"], "live_domains": ["nuaa__session_01"]}}
    with pytest.raises(ValueError, match="nothing to generate in split 'train': cross-domain needs two domains"):
        forecast(build(GenerateConfig, sole), None, None)
