"""Every module has a test under its own name: factory/a/b.py has tests/factory/a/test_b.py."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.root import ROOT

# Modules without a test under their name, and why.
EXCUSED = {
    "difffas/errors.py": "two classes without code",
    "difffas/metrics/document.py": "the type of a document",
    "factory/__init__.py": "one call, for tests/factory/core/test_arithmetic.py",
    "factory/audit/semantic/settings.py": "fields of a configuration, without checks of its own",
    "factory/audit/settings.py": "fields of a configuration, without checks of its own",
    "factory/cluster/retries.py": "one setting of Ray Data",
    "factory/core/errors.py": "two classes without code",
    "factory/drawn/pretrained/portrait-64/pipeline.py": "for tests/difffas/test_foreign_readers.py",
    "factory/embedded/people-64/pipeline.py": "for tests/difffas/test_foreign_readers.py",
    "factory/drawn/portrait/features.py": "paint, judged by the picture in test_render.py",
    "factory/drawn/portrait/hair.py": "paint, judged by the picture in test_render.py",
    "factory/drawn/portrait/scene.py": "paint, judged by the picture in test_render.py",
    "factory/line/block.py": "the type of a row",
    "factory/sources/place.py": "a protocol",
    "factory/train/recipes/generator_network.py": "fields of a configuration, without checks of its own",
    "factory/tune/summary.py": "types of documents",
    "factory/world/people/ancestry.py": "two types",
    "factory/world/scene.py": "types of bodies, lights and cameras",
}
MODULES = sorted(
    path.relative_to(ROOT).as_posix() for room in ("difffas", "factory") for path in (ROOT / room).rglob("*.py")
)


def has_code(module: str) -> bool:
    """Whether a file holds more than its docstring and imports from the future."""
    body = ast.parse((ROOT / module).read_text(encoding="utf-8")).body
    return any(not isinstance(node, ast.Expr) and getattr(node, "module", None) != "__future__" for node in body)


def namesakes(module: str) -> list[Path]:
    """Where the tests of a module may be: a package's beside or within its folder of tests."""
    path = Path("tests") / module
    if path.name != "__init__.py":
        return [path.with_name(f"test_{path.name}")]
    name = f"test_{path.parent.name}.py"
    return [path.with_name(name), path.parent.with_name(name)]


def test_a_module_has_a_test_under_its_name_or_an_excuse() -> None:
    tested = {module: any((ROOT / path).is_file() for path in namesakes(module)) for module in MODULES}
    assert not [module for module in EXCUSED if tested[module]], "they have a test: take them off EXCUSED"
    missing = {module for module in MODULES if has_code(module) and not tested[module]} - EXCUSED.keys()
    assert not {module: str(namesakes(module)[0]) for module in missing}, "write these, or say in EXCUSED why not"


def test_excuses_are_few_and_of_modules_with_code() -> None:
    assert len(EXCUSED) <= 25
    assert not [module for module in EXCUSED if module not in MODULES or not has_code(module)]
    assert all(EXCUSED.values())
