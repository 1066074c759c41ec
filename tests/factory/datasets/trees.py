"""Miniature trees of the licensed data sets: the documents' names, small real videos, HDF5 and npz files."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import h5py
import numpy as np
from PIL import Image

FRAMES = 20
SHADE = 10  # frame n is as bright as SHADE·n, but for its red upper left quarter


def frame(number: int, height: int = 48, width: int = 64) -> np.ndarray:
    pixels = np.full((height, width, 3), SHADE * number % 250, np.uint8)
    pixels[: height // 2, : width // 2] = (250, 10, 10)
    return pixels


def write_video(path: Path, frames: int = FRAMES, codec: str = "mpeg4", size: tuple[int, int] = (64, 48)) -> Path:
    """A real video in the container that its extension names; `size` is width and height."""
    path.parent.mkdir(parents=True, exist_ok=True)
    container_format = "avi" if path.suffix.lower() == ".avi" else "mov"
    with av.open(str(path), "w", format=container_format) as container:
        stream: Any = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.bit_rate = 4_000_000
        for number in range(frames):
            picture = av.VideoFrame.from_ndarray(frame(number, size[1], size[0]), format="rgb24")
            for packet in stream.encode(picture):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def turn_container(path: Path, degrees: int) -> None:
    """Have the header of a .mov or .mp4 say that players shall turn the video, clockwise."""
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 4
    place += 4 + (32 if data[place] else 20) + 16
    one = 1 << 16
    cosine, sine = {90: (0, one), 180: (-one, 0), 270: (0, -one)}[degrees]
    data[place : place + 36] = struct.pack(">9i", cosine, sine, 0, -sine, cosine, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def write_hdf5(path: Path, numbers: Sequence[int] = range(FRAMES), side: int = 128) -> Path:
    """Frames as bob writes them: `Frame_<n>/array`, uint8 (3, H, W)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for number in numbers:
            file.create_group(f"Frame_{number}")["array"] = frame(number, side, side).transpose(2, 0, 1)
        file.create_group("FrameIndexes")
    return path


def write_npz(path: Path, channels: int = 22, height: int = 320, width: int = 256) -> Path:
    """A multispectral sample: blue 0.25, green 0.5, red 1, and the rest 0."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = np.zeros((1, channels, height, width), np.float32)
    data[0, :3] = np.array([0.25, 0.5, 1.0])[:, None, None]
    np.savez_compressed(path, data=data)
    return path


def write_image(path: Path, height: int = 48, width: int = 64) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    Image.fromarray(frame(5, height, width)).save(buffer, "PNG")
    path.write_bytes(buffer.getvalue())
    return path


def write_text(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


def oulu_npu(root: Path) -> Path:
    names = [f"1_1_01_{file}" for file in range(1, 6)], ["6_2_35_5", "6_2_35_1"], ["1_3_36_4", "1_3_36_1"]
    for split, stems in zip(("Train", "Dev", "Test"), names, strict=True):
        for stem in stems:
            write_video(root / f"{split}_files" / f"{stem}.avi")
    write_text(root / "Train_files/1_1_01_1.txt", "".join(f"{n},20,20,40,20\n" for n in range(FRAMES)))
    write_text(root / "Protocols/Protocol_1/Train.txt", "+1,1_1_01_1\n-1,1_1_01_2\n-2,1_1_01_4\n")
    return root


def casia_fasd(root: Path) -> Path:
    stems = [*map(str, range(1, 9)), *(f"HR_{number}" for number in range(1, 5))]
    for stem in stems:
        write_video(root / "train_release" / "1" / f"{stem}.avi")
    write_video(root / "test_release" / "1" / "1.avi")
    write_video(root / "test_release" / "30" / "HR_4.AVI")
    return root


REPLAY = {
    "train/real/client001_session01_webcam_authenticate_adverse_1": "0 0 0 0 0\n5 10 12 20 24\n",
    "train/attack/fixed/attack_print_client001_session01_highdef_photo_adverse": "",
    "train/attack/hand/attack_print_client001_session01_highdef_photo_adverse": "",
    "devel/real/client003_session01_webcam_authenticate_controlled_2": "",
    "devel/attack/hand/attack_mobile_client003_session01_mobile_video_controlled": "",
    "test/real/client009_session02_webcam_authenticate_adverse_1": "",
    "test/attack/fixed/attack_highdef_client009_session01_highdef_video_adverse": "",
    "enroll/train/client001_session01_webcam_enroll_adverse": "",
}


def replay_attack(root: Path) -> Path:
    for name, boxes in REPLAY.items():
        write_video(root / f"{name}.mov", 10)
        if boxes:
            write_text(root / "face-locations" / f"{name}.face", boxes)
    write_text(root / "protocols/real-train.txt", "train/real/client001_session01_webcam_authenticate_adverse_1\n")
    return root


def msu_mfsd(root: Path) -> Path:
    write_text(
        root / "train_sub_list.txt", "02 03 05 06 07 08 09 11 12 21 22 34 53 54 55".replace(" ", "\r\n") + "\r\n\r\n"
    )
    numbers = "\n01 13 14 23 24 26 28 29 30 32 33 35 36 37 39 42 48 49 50 51"
    write_text(root / "test_sub_list.txt", numbers.replace(" ", "\n"))
    for client in ("001", "002"):
        write_video(root / f"scene01/real/real_client{client}_android_SD_scene01.mp4")
        for what in ("ipad_video", "iphone_video", "printed_photo"):
            write_video(root / f"scene01/attack/attack_client{client}_laptop_SD_{what}_scene01.mov")
    write_video(root / "scene01/real/real_client003_android_SD_scene01.mp4")
    write_text(
        root / "scene01/real/real_client001_android_SD_scene01.face", "9,1,1,2,2,0,0,0,0\n10,10,12,30,36,1,2,3,4\n"
    )
    return root


WMCA = (
    "face-station/12.02.18/100_03_015_2_10",
    "face-station/31.01.18/514_01_035_1_05",
    "face-station/31.01.18/035_01_000_0_00",
    "face-station/31.01.18/005_01_000_0_01",
    "face-station/31.01.18/530_03_001_2_18",
    "face-station/12.02.18/018_02_000_3_10",
    "face-station/12.02.18/018_02_000_3_06",
    "face-station/12.02.18/019_02_000_4_01",
)


def wmca(root: Path) -> Path:
    for name in WMCA:
        write_hdf5(root / f"{name}.hdf5")
    return root


IDENTITIES = (
    (
        "a4acb647ebc247c7fbfecd2c711157bd5c76e895",
        "08b8ddc9",
        "FACE_NEUTRAL_WITHOUT_GLASS",
        "m00000",
        "55f98642ffbe2bff",
    ),
    (
        "a4acb647ebc247c7fbfecd2c711157bd5c76f293",
        "b08ed489",
        "FACE_NEUTRAL_WITHOUT_GLASS",
        "m50302",
        "55f98642ffbe2bff",
    ),
    ("dab9b50ddf6e50bffb6a9a8fd4bede0f5c76f16f", "1338eba3", "FACE_SMILE_WITH_GLASS", "m50602", "858fb9549982ac3b"),
)


def padisi(root: Path) -> Path:
    truth = "transaction_id,trial_id,trial_name,modality,ground_truth,participant_id,gender,ethnicity,race,age\n"
    partition = "transaction_id,trial_id,trial_name,partition_name\n"
    for (transaction, trial, name, code, person), part in zip(IDENTITIES, ("train", "valid", "test"), strict=True):
        write_npz(root / "multi" / f"ID_{transaction}_{trial}_{name}.npz")
        truth += f"{transaction},{trial},{name},FACE,{code},{person},Female,Not Hispanic or Latino,Asian,23\n"
        partition += f"{transaction},{trial},{name},{part}\n"
    write_text(root / "face_partitions/padisi_USC_FACE_ground_truth.csv", truth)
    write_text(root / "face_partitions/padisi_USC_FACE_dataset_partition_3folds_part0.csv", partition)
    return root


def celeba_spoof(root: Path) -> Path:
    def numbers(kind: int, illumination: int, environment: int, spoof: int) -> list[int]:
        return [0] * 40 + [kind, illumination, environment, spoof]

    train = {"Data/train/1/live/000184.jpg": numbers(0, 0, 0, 0), "Data/train/1/spoof/000190.png": numbers(1, 2, 1, 1)}
    test = {"Data/test/5007/spoof/497050.png": numbers(8, 1, 2, 1), "Data/test/5007/spoof/1.png": numbers(10, 0, 0, 1)}
    for name, rows in (("train", train), ("test", test)):
        write_text(root / f"metas/intra_test/{name}_label.json", json.dumps(rows))
    for path in ("Data/train/1/live/000184.jpg", "Data/train/1/spoof/000190.png", "Data/test/5007/spoof/497050.png"):
        write_image(root / path, 112, 448)
    write_text(root / "Data/test/5007/spoof/497050_BB.txt", "61 45 61 112 0.9970805")
    return root


def siw(root: Path) -> Path:
    for name in (
        "Train/live/003/003-1-1-1-1.mov",
        "Train/spoof/003/003-1-2-1-1.mov",
        "Train/live/006/006-2-1-1-1.m.mov",
    ):
        write_video(root / name)
    for name in ("Test/live/001/001-1-1-1-2.MP4", "Test/spoof/001/001-2-3-4-2.mp4"):
        write_video(root / name)
    return root


SIW_M = ("Live/Live_1.mov", "Live/Live_862.mov", "Spoof/Print/Paper_56.mov", "Spoof/Makeup_Cosmetic/Makeup_Co_3.mov",
         "Spoof/Mannequin/Mask_Mann_2.MOV", "Spoof/Partial_FunnyeyeGlasses/Partial_Funnyeye_9.mov")  # fmt: skip


def siw_m(root: Path) -> Path:
    """With the lists of protocol 1, which repeat recordings."""
    for name in SIW_M:
        write_video(root / name, 10)
    write_text(root / "PROTOCOL/trainlist_live.txt", "Live_1\nLive_1\n")
    write_text(root / "PROTOCOL/trainlist_all.txt", "Paper_56\nMakeup_Co_3\nPaper_56")
    write_text(root / "PROTOCOL/testlist_live.txt", "Live_862\r\n")
    write_text(root / "PROTOCOL/testlist_all.txt", "Mask_Mann_2\nPartial_Funnyeye_9\n")
    return root


def rose_youtu(root: Path) -> Path:
    for name in ("train/2/G_NT_5s_g_E_2_1", "train/2/Ps_T_HS_wg_E_2_31", "train/_3/Mc_NT_5s_g_E_3_51"):
        write_video(root / f"{name}.mp4", 10)
    for name in ("test/13/G_T_ZTE_wg_E_13_2", "test/13/Vl_NT_IP_g_E_13_120"):
        write_video(root / f"{name}.mp4", 10)
    return root


def write_frames(folder: Path, count: int = 4, first: int = 1, ending: str = "jpg") -> Path:
    for number in range(first, first + count):
        write_image(folder / f"{number:04d}.{ending}")
    return folder


SURF = {
    "Training/real_part/CLKJ_AS0005/real": 4,
    "Training/fake_part/CLKJ_AS0005/05_enm_s": 4,
    "Val/real_part/CLKJ_BS0831/real": 2,
    "Val/fake_part/CLKJ_BS0831/04_en_b": 2,
    "Testing/real_part/CLKJ_CS0067/real": 1,
    "Testing/fake_part/CLKJ_CS0067/01_e_s": 1,
}


def casia_surf(root: Path) -> Path:
    for name, count in SURF.items():
        for modality in ("color", "depth", "ir"):
            write_frames(root / f"Data/{name}.rssdk/{modality}", count)
    write_text(root / "protocol/CASIA_SURF@p1_image_train.txt", "CASIA_SURF/Data/x.jpg 0\n")
    return root


CEFA = (
    "Ethnicity/AF/AF-012/1_012_1_1_1",
    "Ethnicity/AF/AF-012/1_012_3_2_2",
    "Ethnicity/CA/CA-225-198006250024/2_225_3_1_4",
    "Ethnicity/EA/EA-304/3_304_1_1_1",
    "Mask/3D-Mask/002/1_002_1_1_2_1_3",
    "Mask/Silicone-Mask/001/2_001_1_0_2_1_2",
)


def casia_cefa(root: Path) -> Path:
    for name in CEFA:
        for modality in ("color", "depth", "ir"):
            write_frames(root / name / modality, 3)
    return root


HIFI = {
    "train": ("1_21_0_6_6_8", "3_53_2_4_0_8"),
    "dev": ("2_66_0_5_0_4", "2_66_3_6_5_2"),
    "test": ("1_01_0_1_1_1", "1_01_1_1_1_1"),
}


def hifimask(root: Path) -> Path:
    """With the lists of protocol 1: of videos, but for those of the dev set, which name pictures."""
    for part, stems in HIFI.items():
        for stem in stems:
            write_frames(root / "Data" / stem, 2, 0, "png")
        ending = "/0000.png" if part == "dev" else ""
        kind = "image" if part == "dev" else "video"
        lines = (f"CASIA_HiFiMask/Data/{stem}{ending} {int(stem.split('_')[2] != '0')}\n" for stem in stems)
        write_text(root / f"protocol/CASIA_HiFiMask@p1_{kind}_{part}.txt", "".join(lines))
    return root


UNIATTACK = {
    "train": ("live/east-asia/EA-321/real.rssdk", "spoof/east-asia/EA-321/cloth-indoor"),
    "dev": ("live/africa/AF-066/real.rssdk", "spoof/africa/AF-066/cloth-outdoor"),
    "test": ("live/central-asia/CA-579/real.rssdk", "spoof/central-asia/CA-579/screen-rs"),
}
DIGITAL = ("adv-attacks/ila_da/ila_da_africa-112x112/AF-066", "DaGAN/central-asia_faces/CA-396-To-CA-359")


def uniattackdata(root: Path) -> Path:
    """With the lists of protocol 1; each person has the other two physical attacks as well, which are in no list."""
    for part, names in UNIATTACK.items():
        for name in names:
            write_frames(root / f"Data/{name}/color", 2)
        for attack in ("cloth-indoor", "cloth-outdoor", "screen-rs"):
            write_frames(root / f"Data/{names[1].rpartition('/')[0]}/{attack}/color", 2)
        lines = [f"UniAttackData/Data/{name}/color {int('spoof' in name)}\n" * 3 for name in names]
        digital = [f"UniAttackData/Data/{DIGITAL[0]} 2\n", f"UniAttackData/Data/{DIGITAL[1]} 3\n"]
        write_text(root / f"protocol/UniAttackData@p1_video_{part}.txt", "".join(lines + digital))
    for name in DIGITAL:
        write_frames(root / "Data" / name, 1)
    return root


def nuaa(root: Path) -> Path:
    lists = {
        "client_train_raw.txt": "0001\\0001_00_00_01_0.jpg\r\n0001\\0001_00_00_01_1.jpg\r\n",
        "imposter_train_raw.txt": "0001\\0001_00_00_01_0.jpg\r\n",
        "client_test_raw.txt": "0002\\0002_01_05_03_7.jpg\r\n",
        "imposter_test_raw.txt": "/somewhere/raw/ImposterRaw/0002/0002_01_08_03_7.jpg\n",
    }
    for name, text in lists.items():
        write_text(root / name, text)
    for name in ("0001/0001_00_00_01_0", "0001/0001_00_00_01_1", "0002/0002_01_05_03_7"):
        write_image(root / "ClientRaw" / f"{name}.jpg")
    for name in ("0001/0001_00_00_01_0", "0002/0002_01_08_03_7", "0002/0002_01_08_03_8"):
        write_image(
            root / "ImposterRaw" / f"{name}.JPG" if name.endswith("_8") else root / "ImposterRaw" / f"{name}.jpg"
        )
    return root


PAIRS = {
    "OCIM.json": [
        ["/O1/a.png", "/O2/a.png"],
        ["/O1/a.png", "/O4/a.png"],
        ["/O1/b.png", "/O2/a.png"],
        ["/C3/x.png", "/C7/y.png"],
    ],
    "WMCA.json": [["/0_00/035_01_000_0_00_1.png", "/2_18/530_03_035_2_18_1.png"]],
    "PADISI.json": [["/real/p.png", "/paper_glass/p.png"], ["/real/p.png", "/paper_glass/p.png"]],
}


def pairs(root: Path) -> Path:
    for name, found in PAIRS.items():
        write_text(root / name, json.dumps(found))
        for path in {path for pair in found for path in pair}:
            write_image(root / path.strip("/"))
    return root


TREES = {
    "oulu-npu": oulu_npu,
    "casia-fasd": casia_fasd,
    "replay-attack": replay_attack,
    "msu-mfsd": msu_mfsd,
    "wmca": wmca,
    "padisi": padisi,
    "celeba-spoof": celeba_spoof,
    "siw": siw,
    "siw-m": siw_m,
    "nuaa": nuaa,
    "rose-youtu": rose_youtu,
    "casia-surf": casia_surf,
    "casia-cefa": casia_cefa,
    "hifimask": hifimask,
    "uniattackdata": uniattackdata,
    "pairs": pairs,
}
