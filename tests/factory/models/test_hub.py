"""Weights by name come from the hub's cache or the hub, as safetensors, or the name is refused in one line."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import timm
import torch

from difffas.classifier import SpoofClassifier
from factory.models.backbone import arguments, check_size, here, identity, located
from factory.models.hub import digest_of, find, names_of
from tests.hub import Hub, published, use, weights_of

STYLES, LIVE = ("cam-live", "cam-print"), ("cam-live",)
NAME = "test_resnet.r160_in1k"


def test_a_tag_stands_for_the_weights_of_the_hub(hub: Hub) -> None:
    network = published(hub, NAME)
    classifier = SpoofClassifier(STYLES, LIVE, backbone=here(NAME))
    for name, tensor in classifier.backbone.state_dict().items():
        assert torch.equal(tensor, network.state_dict()[name])
    data = hub.repositories[f"timm/{NAME}"]["model.safetensors"]
    assert classifier.pretrained == {
        "architecture": "test_resnet",
        "tag": "r160_in1k",
        "license": "apache-2.0",
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    assert "GET /timm/test_resnet.r160_in1k/resolve/main/model.safetensors" in hub.asked


def test_it_takes_images_as_those_weights_do_and_not_as_timm_s_first_ones(hub: Hub) -> None:
    name = "mobilenetv3_large_100.miil_in21k_ft_in1k"
    assert timm.get_pretrained_cfg(name).mean != timm.get_pretrained_cfg("mobilenetv3_large_100").mean
    published(hub, name)
    config = json.loads((find(name).folder / "config.json").read_text())
    assert config["pretrained_cfg"]["crop_pct"] == timm.get_pretrained_cfg(name).crop_pct
    assert arguments(name, 64) == {}
    classifier = SpoofClassifier(STYLES, LIVE, backbone=here(name))
    assert tuple(classifier.mean.flatten().tolist()) == timm.get_pretrained_cfg(name).mean == (0, 0, 0)


def test_the_cache_is_asked_before_the_hub(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a cache that timm itself filled, with the weights alone, is as good."""
    network = published(hub, NAME)
    timm.create_model(NAME, pretrained=True, cache_dir=str(hub.cache))
    asked = len(hub.asked)
    found = find(NAME)
    assert len(hub.asked) == asked
    assert found.pinned == f"{NAME}@{hub.commit(f'timm/{NAME}')}"
    before = identity(NAME)
    use(monkeypatch, "http://127.0.0.1:9", hub.cache)  # nothing answers there
    assert find(found.pinned) == found
    with torch.no_grad():  # the hub's weights change: the pinned ones stay
        next(network.parameters()).add_(1)
    hub.repositories[f"timm/{NAME}"]["model.safetensors"] = weights_of(network)
    use(monkeypatch, hub.endpoint, tmp_path / "another-node")
    assert identity(NAME) != before
    with pytest.raises(ValueError, match=r"the hub refuses \(") as caught:
        find(found.pinned)
    assert "\n" not in str(caught.value)


def test_a_repository_of_anybody_s(hub: Hub) -> None:
    published(hub, NAME)
    config = (find(NAME).folder / "config.json").read_bytes()
    files = {**hub.repositories[f"timm/{NAME}"], "config.json": config}
    hub.repositories["lab/net"] = files
    assert located("hf-hub:lab/net") == f"hf-hub:lab/net@{hub.commit('lab/net')}"
    assert identity("hf-hub:lab/net") == identity(NAME) == f"local-dir:{digest_of(find(NAME).folder)}"
    hub.repositories["lab/bare"] = {"model.safetensors": files["model.safetensors"]}
    with pytest.raises(ValueError, match=r"lab/bare has no config.json on the hub: it is no network of timm's"):
        find("hf-hub:lab/bare")
    hub.repositories["lab/evil"] = {**files, "config.json": b'{"architecture": "../x"}'}
    with pytest.raises(ValueError, match="architecture '../x' is not known to timm"):
        check_size("hf-hub:lab/evil", 64)


def test_a_folder_of_folders_is_asked_first(hub: Hub, tmp_path: Path) -> None:
    published(hub, NAME)
    folders = tmp_path / "backbones"
    assert located(NAME, str(folders)) == find(NAME).pinned
    (folders / NAME).mkdir(parents=True)
    for name in ("config.json", "model.safetensors"):
        (folders / NAME / name).write_bytes((find(NAME).folder / name).read_bytes())
    asked = len(hub.asked)
    assert located(NAME, str(folders)) == f"local-dir:{folders}/{NAME}"
    assert len(hub.asked) == asked
    assert identity(located(NAME, str(folders))) == identity(NAME)
    assert located("resnet18", str(folders)) == "resnet18"


def test_a_pickle_is_never_fetched(hub: Hub) -> None:
    hub.repositories[f"timm/{NAME}"] = {"pytorch_model.bin": b"\x80\x04."}
    with pytest.raises(ValueError, match="has no model.safetensors on the hub, and no other file is read") as caught:
        find(NAME)
    assert "\n" not in str(caught.value)
    assert not [line for line in hub.asked if line.endswith(".bin")]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnet17.a1_in1k", "'resnet17.a1_in1k' is not known to timm"),
        ("test_resnet.tv_in1k", "timm knows no such weights of test_resnet on a hub: give test_resnet.r160_in1k$"),
        ("resnet10t.c3_in1k@nowhere", "its weights are not on this machine, and the hub refuses .*404"),
        ("hf-hub:net", "give hf-hub:OWNER/NAME"),
        ("hf-hub:lab/absent", "its weights are not on this machine, and the hub refuses "),
    ],
)
def test_mistakes_are_one_line(hub: Hub, name: str, message: str) -> None:
    published(hub, "resnet10t.c3_in1k")
    with pytest.raises(ValueError, match=message) as caught:
        find(name)
    assert "\n" not in str(caught.value)


def test_without_a_hub_the_mend_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, "http://127.0.0.1:9", tmp_path)
    with pytest.raises(ValueError, match=r"and the hub does not answer \(.*Where the hub") as caught:
        find(NAME)
    assert f"run `difffas fetch-backbone {NAME} FOLDER`; then give local-dir:FOLDER" in str(caught.value)
    with pytest.raises(ValueError, match=f"{NAME}' stands for weights: run `difffas fetch-backbone"):
        SpoofClassifier(STYLES, LIVE, backbone=NAME)


def test_the_name_that_timm_prefers_is_first() -> None:
    assert names_of("resnet18")[0] == "resnet18.a1_in1k"
    assert "resnet18.tv_in1k" in names_of("resnet18")
    assert names_of("mobilevit_s") == ["mobilevit_s.cvnets_in1k"]
