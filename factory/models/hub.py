"""Weights of timm's networks on a hub such as Hugging Face's: its cache on this machine first, then the network."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import tempfile
from pathlib import Path
from typing import NamedTuple

from difffas.errors import UserError
from factory.core.config import fingerprint
from factory.core.homes import private_folder

HUB, LOCAL = "hf-hub:", "local-dir:"  # timm's prefixes: a repository OWNER/NAME, a folder
CONFIG, WEIGHTS = "config.json", "model.safetensors"  # in either
# Keys of timm's registry that say what weights are and which images they take.
_KEPT = (
    *("tag", "input_size", "fixed_input_size", "interpolation", "crop_pct", "crop_mode", "mean", "std", "num_classes"),
    *("first_conv", "classifier", "license", "origin_url"),
)
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")


class Found(NamedTuple):
    """Weights on this machine: a timm folder that holds them, and their name with the commit that they are of."""

    folder: Path
    pinned: str


def is_named(backbone: str) -> bool:
    """Whether a backbone's name stands for weights on a hub: it has one of timm's tags, or the prefix `hf-hub:`."""
    return backbone.startswith(HUB) or ("." in backbone and ":" not in backbone)


def names_of(architecture: str) -> list[str]:
    """The names of a network's weights that timm knows to be on a hub, the one that timm prefers first."""
    import timm

    if not timm.is_model(architecture):
        return []
    names = timm.list_models(f"{architecture}.*", pretrained=True)
    first = f"{architecture}.{timm.get_pretrained_cfg(architecture).tag}"
    return [name for name in sorted(names, key=lambda name: name != first) if timm.get_pretrained_cfg(name).hf_hub_id]


def find(name: str) -> Found:
    """Find weights by name: `ARCHITECTURE.TAG` or `hf-hub:OWNER/NAME`, either with `@REVISION` after it.

    The hub's cache is asked first, then the hub. Only safetensors are read, since a hub's other files may be pickles.

    Raises:
        UserError: in one line, if there are no such weights, or neither the cache nor the hub gives them.
    """
    plain, _, revision = name.partition("@")
    if plain.startswith(HUB):
        repository, config = plain.removeprefix(HUB), None
        if not _REPOSITORY.fullmatch(repository):
            raise UserError(f"backbone {name!r}: give {HUB}OWNER/NAME")
    else:
        repository, config = _registered(plain)
    weights = _file(name, repository, WEIGHTS, revision or None)
    if weights is None:
        raise UserError(
            f"backbone {name!r}: {repository} has no {WEIGHTS} on the hub, and no other file is read, since it may "
            "hold a pickle: choose other weights"
        )
    commit = weights.parent.name
    if config is None:
        path = _file(name, repository, CONFIG, commit)
        if path is None:
            raise UserError(f"backbone {name!r}: {repository} has no {CONFIG} on the hub: it is no network of timm's")
        config = path.read_bytes()
    return Found(_folder(config, weights), f"{plain}@{commit}")


def digest_of(folder: Path) -> str:
    """The digest of a timm folder's configuration and weights, wherever the folder lies."""
    return fingerprint({name: _sha256(folder / name) for name in (CONFIG, WEIGHTS)})


def _registered(name: str) -> tuple[str, bytes]:
    """The repository of weights that timm's registry names, and what the registry says of them as a `config.json`."""
    import timm

    architecture = name.partition(".")[0]
    if not timm.is_model(architecture):
        raise UserError(f"backbone {name!r} is not known to timm: see timm.list_models(), or give {LOCAL}FOLDER")
    known = names_of(architecture)
    if name not in known:
        there = f"give {', '.join(known)}" if known else f"give {architecture} to start from random weights"
        raise UserError(f"backbone {name!r}: timm knows no such weights of {architecture} on a hub: {there}")
    given = timm.get_pretrained_cfg(name)
    about = given.to_dict(remove_source=True)
    config = {
        "architecture": architecture,
        "num_classes": given.num_classes,
        "pretrained_cfg": {key: about[key] for key in _KEPT if about.get(key) is not None},
    }
    return str(given.hf_hub_id), (json.dumps(config, indent=2) + "\n").encode()


def _file(name: str, repository: str, file: str, revision: str | None) -> Path | None:
    """The path of a repository's file in the hub's cache; None if the hub has no such file."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError

    with contextlib.suppress(LocalEntryNotFoundError):
        return Path(hf_hub_download(repository, file, revision=revision, local_files_only=True))
    try:
        get_hf_file_metadata(hf_hub_url(repository, file, revision=revision))  # a download would try for half a minute
        return Path(hf_hub_download(repository, file, revision=revision))
    except EntryNotFoundError:
        return None
    except Exception as error:  # the hub's client and what carries it have many kinds of errors
        answer = "refuses" if isinstance(error, HfHubHTTPError) else "does not answer"
        reason = " ".join(str(error).split())[:160] or type(error).__name__
    raise UserError(
        f"backbone {name!r}: its weights are not on this machine, and the hub {answer} ({reason}). Where the hub "
        f"answers, run `difffas fetch-backbone {name} FOLDER`; then give {LOCAL}FOLDER here"
    )


def _folder(config: bytes, weights: Path) -> Path:
    """A timm folder of this user's own, named after its content, with this configuration and a link to the weights."""
    digest = fingerprint({CONFIG: hashlib.sha256(config).hexdigest(), WEIGHTS: _sha256(weights)})
    folder = private_folder("backbones") / digest[:16]
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as made:
        Path(made, CONFIG).write_bytes(config)
        Path(made, WEIGHTS).symlink_to(weights.resolve())
        for name in (CONFIG, WEIGHTS):  # each at once and with the same content, whoever else does it
            Path(made, name).replace(folder / name)
    return folder


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
