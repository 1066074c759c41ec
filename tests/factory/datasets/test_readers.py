"""What every reader says of a miniature tree with the documents' names."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from factory.datasets import DATASETS, Frames, fields, list_dataset
from factory.datasets.padisi import read_partition
from factory.datasets.wmca import attack_of, read_list
from factory.pattern import vocabulary_name
from factory.prepare_config import DatasetName
from tests.factory.datasets import trees
from tests.factory.datasets.listing import facts, listed, rejects
from tests.factory.datasets.trees import TREES, write_text, write_video


def test_every_data_set_has_a_name_a_domain_and_a_tree() -> None:
    assert set(DATASETS) == set(TREES) == set(DatasetName.__args__)
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
            person = found.get("subject", found.get("client", ""))
            assert source.fields["subject"].endswith(person)


def test_oulu_npu(tmp_path: Path) -> None:
    found = listed("oulu-npu", trees.oulu_npu(tmp_path))
    assert list(found)[-1] == "Train_files/1_1_01_5.avi/000015" and len(found) == 2 * 9
    assert facts(found["Train_files/1_1_01_1.avi/000005"]) == ("live", "live", "01", "train", "1_1_01_1")
    assert facts(found["Train_files/1_1_01_3.avi/000005"]) == ("spoof", "print", "01", "train", "1_1_01_3")
    assert facts(found["Dev_files/6_2_35_5.avi/000015"]) == ("spoof", "replay", "35", "dev", "6_2_35_5")
    assert facts(found["Test_files/1_3_36_4.avi/000005"]) == ("spoof", "replay", "36", "test", "1_3_36_4")
    source = found["Train_files/1_1_01_1.avi/000005"]
    assert (source.format, source.file, source.group, source.at) == ("video", "Train_files/1_1_01_1.avi", 0, 5)
    assert source.boxes == "Train_files/1_1_01_1.txt" and found["Test_files/1_3_36_4.avi/000005"].boxes == ""
    assert fields("oulu_npu", "6_2_35_5") == {
        "phone": "6", "session": "2", "subject": "35", "file": "5", "attack": "replay", "instrument": "replay_2",
    }  # fmt: skip


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


def test_msu_mfsd(tmp_path: Path) -> None:
    root = trees.msu_mfsd(tmp_path)
    write_video(root / "scene01/real/real_client055_laptop_SD_scene01.mov")
    write_video(root / "scene01/real/real_client099_laptop_SD_scene01.mov")
    found = listed("msu-mfsd", root)
    live = found["scene01/real/real_client001_android_SD_scene01.mp4/000005"]
    assert facts(live) == ("live", "live", "client001", "test", "real_client001_android_sd_scene01")
    assert live.boxes == "scene01/real/real_client001_android_SD_scene01.face" and live.turn == 0
    upside_down = found["scene01/real/real_client003_android_SD_scene01.mp4/000005"]
    assert upside_down.turn == 180 and facts(upside_down)[3] == "train"
    assert facts(found["scene01/real/real_client055_laptop_SD_scene01.mov/000005"])[3] == "train"
    assert rejects(found) == {"scene01/real/real_client099_laptop_SD_scene01.mov": "in no list"}
    attacks = {facts(source)[1:4] for source in found.values() if "attack/" in source.path}
    assert attacks == {
        (name, *who) for name in ("print", "replay") for who in (("client001", "test"), ("client002", "train"))
    }
    assert fields("msu_mfsd", "attack_client001_laptop_sd_ipad_video_scene01")["instrument"] == "replay_ipad"


def test_wmca(tmp_path: Path) -> None:
    root = trees.wmca(tmp_path)
    found = listed("wmca", root)
    attacks = {source.file.rpartition("/")[2][:-5]: (*facts(source)[:3],) for source in found.values()}
    assert attacks == {
        "100_03_015_2_10": ("spoof", "mask", "100"),
        "514_01_035_1_05": ("spoof", "glasses", "514"),
        "035_01_000_0_00": ("live", "live", "035"),
        "005_01_000_0_01": ("live", "live", "005"),
        "530_03_001_2_18": ("spoof", "mask", "530"),
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
    assert read_list("x", "path,label,attack_type,set\na/1_1_1_0_00.hdf5,0,bonafide,dev\n") == {"1_1_1_0_00": "dev"}
    for bad in (f"{lines[0]}\nx,0,y,train", f"{lines[0]}\n{lines[1]}x"):
        with pytest.raises(ValueError, match="lists/x, line 2: .* is not path,label,attack_type,set"):
            read_list("lists/x", bad)
    with pytest.raises(ValueError, match=r"dataset_list .*absent.csv cannot be read: No such file"):
        listed("wmca", root, chosen=str(tmp_path / "absent.csv"))


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


def test_padisi(tmp_path: Path) -> None:
    root = trees.padisi(tmp_path)
    write_text(root / "multi/ID_x_y_FACE.npz", "not in the lists")
    found = listed("padisi", root)
    assert rejects(found) == {"multi/ID_x_y_FACE.npz": "in no list"}
    good = [facts(source) for source in found.values() if not source.reject]
    assert [fact[:4] for fact in good] == [
        ("live", "live", "55f98642ffbe2bff", "train"),
        ("spoof", "pai_03", "55f98642ffbe2bff", "dev"),
        ("spoof", "makeup", "858fb9549982ac3b", "test"),
    ]
    capture = vocabulary_name(str(good[2][4]))
    assert fields("padisi", capture) == {
        "transaction": "dab9b50ddf6e50bffb6a9a8fd4bede0f5c76f16f", "trial": "1338eba3",
        "name": "face_smile_with_glass", "code": "m50602", "attack": "makeup", "instrument": "m50602",
    }  # fmt: skip


def test_padisi_partitions(tmp_path: Path) -> None:
    root = trees.padisi(tmp_path / "tree")
    part0 = root / "face_partitions/padisi_USC_FACE_dataset_partition_3folds_part0.csv"
    other = write_text(tmp_path / "part1.csv", part0.read_text().replace(",train", ",test"))
    assert Counter(facts(s)[3] for s in listed("padisi", root, chosen=str(other)).values()) == {"test": 2, "dev": 1}
    with pytest.raises(ValueError, match="x: partition 'fold' is none of train, valid and test"):
        read_partition("x", part0.read_text().replace(",train", ",fold"))
    with pytest.raises(ValueError, match="x has no column partition_name: it needs transaction_id"):
        read_partition("x", "transaction_id,trial_id,trial_name\n")
    part0.unlink()
    assert {facts(source)[3] for source in listed("padisi", root).values()} == {None}


def test_the_pickle_of_padisi_is_refused(tmp_path: Path) -> None:
    root = trees.padisi(tmp_path)
    (root / "padisi_USC_FACE_preprocessed.bz2").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    assert len(listed("padisi", root)) == 3, "beside npz files it is just not read"
    shutil.rmtree(root / "multi")
    with pytest.raises(ValueError, match=r"a pickle, which runs code .*docs/datasets\.md") as caught:
        listed("padisi", root)
    assert "\n" not in str(caught.value)


def test_celeba_spoof(tmp_path: Path) -> None:
    found = listed("celeba-spoof", trees.celeba_spoof(tmp_path))
    assert {path: facts(source) for path, source in found.items()} == {
        "Data/train/1/live/000184.jpg": ("live", "live", "1", "train", "000184_0_0_0"),
        "Data/train/1/spoof/000190.png": ("spoof", "print", "1", "train", "000190_1_2_1"),
        "Data/test/5007/spoof/497050.png": ("spoof", "replay", "5007", "test", "497050_8_1_2"),
        "Data/test/5007/spoof/1.png": ("spoof", "mask", "5007", "test", "1_10_0_0"),
    }
    assert rejects(found) == {"Data/test/5007/spoof/1.png": "missing file"}
    assert found["Data/test/5007/spoof/497050.png"].boxes == "Data/test/5007/spoof/497050_BB.txt"
    finer = listed("celeba-spoof", tmp_path, instruments=True)
    assert [facts(source)[1] for source in finer.values()] == ["3d_mask", "pad", "live", "photo"]


@pytest.mark.parametrize("text", ["", "[]", '{"a": [1, 2]}', '{"a": "x"}', "[" * 100_000])
def test_lists_of_celeba_spoof_that_are_none(tmp_path: Path, text: str) -> None:
    root = trees.celeba_spoof(tmp_path)
    write_text(root / "metas/intra_test/train_label.json", text)
    with pytest.raises(ValueError, match="train_label.json does not give 44 numbers for each path"):
        listed("celeba-spoof", root)


def test_rows_of_celeba_spoof_that_contradict_themselves(tmp_path: Path) -> None:
    root = trees.celeba_spoof(tmp_path)
    lists = root / "metas/intra_test/test_label.json"
    rows = json.loads(lists.read_text())
    rows["Data/test/5007/spoof/497050.png"][43] = 0
    rows["../../elsewhere/live/1.png"] = [0] * 44
    lists.write_text(json.dumps(rows))
    assert rejects(listed("celeba-spoof", root)) == {
        "Data/test/5007/spoof/497050.png": "label and attack disagree",
        "../../elsewhere/live/1.png": "unknown name",
        "Data/test/5007/spoof/1.png": "missing file",
    }


def test_siw(tmp_path: Path) -> None:
    root = trees.siw(tmp_path)
    write_video(root / "Train/live/007/007-1-2-1-1.mov")
    found = listed("siw", root)
    assert facts(found["Train/live/003/003-1-1-1-1.mov/000005"]) == ("live", "live", "003", "train", "003_1_1_1_1")
    assert facts(found["Train/spoof/003/003-1-2-1-1.mov/000005"])[1] == "print"
    assert facts(found["Train/live/006/006-2-1-1-1.m.mov/000005"])[4] == "006_2_1_1_1"
    assert facts(found["Test/spoof/001/001-2-3-4-2.mp4/000015"]) == ("spoof", "replay", "001", "test", "001_2_3_4_2")
    assert "Test/live/001/001-1-1-1-2.MP4/000005" in found
    assert rejects(found) == {"Train/live/007/007-1-2-1-1.mov": "unknown name"}, "a print among the live"
    assert fields("siw", "001_2_3_4_2") == {
        "subject": "001", "sensor": "2", "type": "3", "medium": "4", "session": "2", "attack": "replay",
        "instrument": "replay_4",
    }  # fmt: skip
    early = list_dataset("siw", str(root), Frames(4, within=8))
    assert {source.at for source in early if not source.reject} == {1, 3, 5, 7}


@pytest.mark.parametrize("base", ["", "raw"])
def test_nuaa(tmp_path: Path, base: str) -> None:
    trees.nuaa(tmp_path / base)
    found = {path.removeprefix("raw/"): source for path, source in listed("nuaa", tmp_path).items()}
    assert facts(found["ClientRaw/0001/0001_00_00_01_0.jpg"]) == (
        "live",
        "live",
        "0001",
        "train",
        "client_0001_00_00_01",
    )
    assert facts(found["ImposterRaw/0001/0001_00_00_01_0.jpg"])[:4] == ("spoof", "print", "0001", "train")
    assert facts(found["ClientRaw/0002/0002_01_05_03_7.jpg"])[3] == "test"
    assert facts(found["ImposterRaw/0002/0002_01_08_03_7.jpg"])[3:] == ("test", "imposter_0002_01_08_03")
    assert rejects(found) == {"ImposterRaw/0002/0002_01_08_03_8.JPG": "in no list"}


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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "is no pair list"),
        ("[]", "is no pair list"),
        ("not json", "is no pair list"),
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
