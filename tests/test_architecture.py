"""The rules that the tree promises: one direction of imports, small files, light start, no pickle."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from factory.generate import GenerateConfig
from factory.train.recipes.classifier import FitClassifierConfig
from factory.train.recipes.generator import FitGeneratorConfig
from factory.train.recipes.judge import FitJudgeConfig
from factory.train.recipes.style import FitStyleConfig
from tests.root import ROOT

METHOD = sorted((ROOT / "difffas").rglob("*.py"))
PLANT = sorted((ROOT / "factory").rglob("*.py"))
EVERY = [*METHOD, *PLANT]


@functools.cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(text_of(path))


@functools.cache
def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(tree(path)))


def offences(paths: Iterable[Path], found: Callable[[Path], object]) -> dict[str, object]:
    """What a rule finds in each file that breaks it: one test names them all."""
    return {path.relative_to(ROOT).as_posix(): offence for path in paths if (offence := found(path))}


def imported(path: Path) -> set[str]:
    """Top-level names of every module that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def test_the_method_knows_nothing_of_the_plant() -> None:
    allowed = {"difffas", "torch", "diffusers", "timm", "piq", "PIL", "numpy", "safetensors"} | sys.stdlib_module_names
    assert not offences(METHOD, lambda path: imported(path) - allowed)


def test_the_world_imports_what_its_extra_installs() -> None:
    """The development environment has much more, so nothing else would miss a package that the extra lacks.

    A maintainer runs `unwrapped.py` to make a file that the package holds; nothing imports this module.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    required = " ".join([*project["dependencies"], *project["optional-dependencies"]["world"], "factory difffas"])
    installed = {"PIL" if name == "pillow" else name for name in re.findall(r"[a-z]+", required)}
    allowed = installed | sys.stdlib_module_names
    world = sorted((ROOT / "factory" / "world").rglob("*.py"))
    makers = [path for path in world if path.name == "unwrapped.py"]
    assert len(makers) == 1 and imported(makers[0]) <= allowed | {"scipy"}
    others = [path for path in world if path not in makers]
    assert not offences(others, lambda path: imported(path) - allowed)
    assert not offences(others, lambda path: "people.unwrapped" in text_of(path))


def layers() -> dict[str, int]:
    """The layer of every room, by the table in docs/architecture.md."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \|", text, re.MULTILINE)
    return {room: int(layer) for layer, rooms in rows for room in re.findall(r"`(\w+)`", rooms)}


def modules_imported(path: Path) -> set[str]:
    """Dotted names of this project's files that a file imports, anywhere in it and for type checking too."""
    found: set[str] = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return {name for name in found if name.partition(".")[0] in ("factory", "difffas")}


def room_of(path: Path) -> str:
    return path.relative_to(ROOT / "factory").with_suffix("").parts[0]


def module(path: Path) -> str:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


def test_a_room_imports_rooms_of_lower_layers() -> None:
    layer = layers()

    def above(path: Path) -> list[str]:
        room = room_of(path)
        others = {name.split(".")[1] for name in modules_imported(path) if name.startswith("factory.")} - {room}
        assert room in layer, f"docs/architecture.md does not say which layer {room} is in"
        return [other for other in others if layer[other] >= layer[room]]

    assert not offences([path for path in PLANT if room_of(path) != "__init__"], above)


def test_the_table_of_layers_names_rooms_that_are_there() -> None:
    rooms = {path.stem for path in (ROOT / "factory").iterdir() if path.is_dir() or path.suffix == ".py"}
    assert set(layers()) == {room for room in rooms if not room.startswith("_")}


@functools.cache
def arrows() -> set[tuple[str, str]]:
    """(room, another room that it imports)."""
    found = set()
    for path in PLANT:
        room = room_of(path)
        targets = {name.split(".")[1] for name in modules_imported(path) if name.startswith("factory.")}
        found |= {(room, target) for target in targets - {room} if {room, target} <= layers().keys()}
    return found


def test_rooms_import_one_another_no_more_often_than_promised() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    (most,) = re.findall(r"at most (\d+) imports between rooms", text)
    assert len(arrows()) <= int(most)


def walk(what: str) -> list[str]:
    """The rooms of a walk, by the table in docs/architecture.md."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    (rooms,) = re.findall(rf"^\| {re.escape(what)} \| ([^|]+) \|", text, re.MULTILINE)
    return re.findall(r"`(\w+)`", rooms)


def sections(model: type[BaseModel]) -> set[str]:
    """The names of a configuration and, at any depth, of the configurations in it."""
    found = {model.__name__}
    for field in model.model_fields.values():
        for kind in [field.annotation, *get_args(field.annotation)]:
            if isinstance(kind, type) and not get_args(kind) and issubclass(kind, BaseModel):
                found |= sections(kind)
    return found


def rooms_below(room: str) -> set[str]:
    """The room and all that it imports, directly or through others."""
    found, waiting = set(), {room}
    while waiting:
        found |= waiting
        waiting = {target for origin, target in arrows() if origin in waiting} - found
    return found


def rooms_that_take(kinds: set[str]) -> set[str]:
    """Rooms with a function that has a parameter of one of these types."""
    found = set()
    for path in PLANT:
        for node in nodes(path):
            if not isinstance(node, ast.FunctionDef):
                continue
            given = [argument.annotation for argument in [*node.args.args, *node.args.kwonlyargs]]
            words = {word for each in given if each is not None for word in re.findall(r"\w+", ast.unparse(each))}
            if words & kinds:
                found.add(room_of(path))
    return found


ANY_CONFIG = {"Config", "ConfigT"}
AS_BYTES = {"images", "storage", "run"}  # get the row as encoded bytes, and as counts for the record
TRAININGS: tuple[type[BaseModel], ...] = (FitStyleConfig, FitGeneratorConfig, FitClassifierConfig, FitJudgeConfig)


@pytest.mark.parametrize(
    ("what", "kinds", "most"),
    [
        ("`GenerateConfig`", sections(GenerateConfig) | ANY_CONFIG, 7),
        ("row", {"Entry", "Source", "Place", "Row"}, 7),
        ("training configuration", ANY_CONFIG.union({"WorkerSettings"}, *map(sections, TRAININGS)), 3),
    ],
)
def test_a_walk_enters_the_rooms_that_it_says_and_few(what: str, kinds: set[str], most: int) -> None:
    rooms = walk(what)
    taken = rooms_that_take(kinds) & rooms_below(rooms[0])
    assert set(rooms) == taken | (AS_BYTES if what == "row" else set())
    assert len(rooms) == len(set(rooms)) <= most
    for number, room in enumerate(rooms[1:], 1):
        assert any((earlier, room) in arrows() for earlier in rooms[:number]), f"{room} is not imported before"


def test_no_file_imports_itself_through_others() -> None:
    files = {module(path): path for path in [*METHOD, *PLANT]}
    # A name of `from package import name` is a file or stands in the package's own.
    arrows = {
        name: {target for target in modules_imported(path) if target in files} - {name} for name, path in files.items()
    }
    for name, path in files.items():  # importing `a.b` from within `a` needs `a` only where it takes a name from it
        taken = set(_modules_of_names(path, files))
        arrows[name] = {target for target in arrows[name] if not name.startswith(f"{target}.") or target in taken}
    while leaves := [name for name, targets in arrows.items() if not targets & set(arrows)]:
        for name in leaves:
            del arrows[name]
    assert not arrows, sorted(arrows)


def _modules_of_names(path: Path, files: dict[str, Path]) -> Iterator[str]:
    """The modules of `from module import name` with a name that is no file of its own."""
    for node in nodes(path):
        if not isinstance(node, ast.ImportFrom) or node.module not in files:
            continue
        if any(f"{node.module}.{alias.name}" not in files for alias in node.names):
            yield node.module


def test_the_method_imports_and_runs_without_ray() -> None:
    code = """
import sys
for name in ("ray", "factory", "pyarrow", "pydantic", "fsspec"):
    sys.modules[name] = None
import torch
from difffas import SpoofPipeline, SpoofUNet, StyleEncoder
from difffas.style_encoder import SMALL_STYLE_ENCODER
from difffas.unet import SMALL_UNET
pipeline = SpoofPipeline(SpoofUNet(**SMALL_UNET), StyleEncoder(["a-print"], **SMALL_STYLE_ENCODER))
print(tuple(pipeline(torch.zeros(1, 3, 32, 32), torch.zeros(1, 3, 32, 32), t0=4, steps=2).shape))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "(1, 3, 32, 32)"


def test_help_imports_nothing_heavy() -> None:
    code = """
import sys
from factory.cli import main
try:
    main(["--help"])
except SystemExit:
    pass
print(sorted(set(sys.modules) & {"torch", "ray", "numpy", "pyarrow", "pydantic", "yaml", "diffusers"}))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")


def test_rooms_are_imported_without_pytorch() -> None:
    """A task of the line that reads or counts is a process of its own: PyTorch and diffusers cost it seven seconds."""
    rooms = sorted(path.parent.name for path in (ROOT / "factory").glob("*/__init__.py"))
    code = f"""
import importlib, sys
for room in {[room for room in rooms if room != "demo"]}:
    importlib.import_module("factory." + room)
print(sorted(set(sys.modules) & {{"torch", "diffusers", "timm", "ray", "scipy", "mitsuba"}}))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_files_stay_small() -> None:
    lines = {path: len(text_of(path).splitlines()) for path in EVERY}
    assert not offences(EVERY, lambda path: lines[path] > 400 and lines[path])


def test_nothing_is_unpickled() -> None:
    assert not offences(EVERY, lambda path: imported(path) & {"pickle", "cloudpickle", "joblib", "dill"})
    assert not offences(EVERY, lambda path: re.findall(r"allow_pickle\s*=\s*True", text_of(path)))
    calls = {path: re.findall(r"torch\.load\([^\n]*", text_of(path)) for path in EVERY}
    assert not offences(EVERY, lambda path: [call for call in calls[path] if "weights_only=True" not in call])


# Each loads a pickle, or has Ray load one: a file of whoever can write to the folder is then a program.
UNPICKLING = {
    *("pickle", "cloudpickle", "_pickle", "Unpickler", "joblib", "dill", "shelve", "marshal", "read_pickle"),
    *("unsafe_load", "full_load", "FullLoader", "UnsafeLoader"),
    *("restore", "can_restore", "restore_from_dir", "restore_path", "resume_config", "resume_from_checkpoint"),
    *("from_path", "ExperimentAnalysis", "ResumeConfig", "get_pickled_error", "TorchCheckpoint", "FileSystemReader"),
}


def unpickling(parts: Iterable[ast.AST]) -> set[str]:
    """What of that a source calls or imports, and calls of `torch.load` and `numpy.load` that allow pickles."""
    found: set[str] = set()
    for node in parts:
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = (getattr(node, "module", None) or "").split(".")
            found |= {part for alias in node.names for part in [*alias.name.split("."), *module]} & UNPICKLING
        elif isinstance(node, ast.Call):
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            of = getattr(function.value, "id", "") if isinstance(function, ast.Attribute) else ""
            found |= ({name, of} | {keyword.arg or "" for keyword in node.keywords}) & UNPICKLING
            given = {word.arg: getattr(word.value, "value", None) for word in node.keywords}
            if (of, name) == ("torch", "load") and given.get("weights_only") is not True:
                found.add("torch.load")
            if given.get("allow_pickle", False) is not False:
                found.add("allow_pickle")
    return found


def test_nothing_has_ray_or_torch_unpickle() -> None:
    assert not offences(EVERY, lambda path: unpickling(nodes(path)))


def test_parquet_is_opened_in_one_place() -> None:
    """The one that refuses columns of pickles."""
    opens = r"\b(ParquetFile|ParquetDataset|pq\.read_\w+|parquet\.read_table|read_pandas|read_parquet)\("
    found = offences(EVERY, lambda path: re.findall(opens, text_of(path)))
    assert found.keys() == {"factory/tables/plain_parquet.py"}


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from ray import cloudpickle",
        "import ray.cloudpickle as c",
        "tune.Tuner.restore(path, trainable)",
        "tuner = Tuner.can_restore(path)",
        "torch.load(path)",
        "torch.load(path,\n  weights_only=False)",
        "torch.load(path, weights_only=chosen)",
        "numpy.load(path, allow_pickle=True)",
        "numpy.load(path, allow_pickle=chosen)",
        "TunerInternal(restore_path=path)",
        "ray.tune.run(trainable, resume_config=config)",
        "Result.from_path(path)",
        "pandas.read_pickle(path)",
        "reader = torch.distributed.checkpoint.FileSystemReader(path)",
    ],
)
def test_what_unpickles_would_be_found(source: str) -> None:
    assert unpickling(ast.walk(ast.parse(source)))


def test_jobs_have_no_logic() -> None:
    for path in (ROOT / "jobs").glob("*.py"):
        assert not [node for node in nodes(path) if isinstance(node, ast.If | ast.FunctionDef)]
        assert path.with_suffix(".yaml").is_file(), f"{path.name} has no configuration beside it"


# What reads JSON that this very process, or a task of its run, has just written.
OF_OURS = {
    *(
        "factory/core/documents.py",
        "factory/line/__init__.py",
        "factory/generate/__init__.py",
        "factory/generate/regenerate.py",
        "factory/prepare/__init__.py",
    ),
    *(
        "factory/run/__init__.py",
        "factory/train/__init__.py",
        "factory/embedded/fit.py",
        "factory/embedded/student.py",
    ),
}


def test_documents_of_others_have_one_reader() -> None:
    yaml = offences(PLANT, lambda path: re.findall(r"yaml\.(?:\w*load|compose|parse|scan)\w*\(", text_of(path)))
    assert yaml.keys() <= {"factory/core/documents.py"}
    json = offences(PLANT, lambda path: re.findall(r"json\.loads?\b", text_of(path)))
    assert json.keys() <= OF_OURS
