"""A report of one of everything, which the tests of its sections read."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pages import Page, one_of_everything, report


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return one_of_everything(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="module")
def page(inputs: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Page:
    return report(tmp_path_factory.mktemp("out") / "report", inputs, title="Faces <one>", triplets_per_style=3)
