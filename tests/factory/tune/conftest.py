"""Corpora to search on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.factory.tune.stand_in import StandIn
from tests.searches import write_corpora


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tune")
    write_corpora(str(root))
    return root


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> type[StandIn]:
    from ray import tune

    StandIn.aucs, StandIn.kill, StandIn.told, StandIn.places = {}, None, [], []
    monkeypatch.setattr(tune, "Tuner", StandIn)
    monkeypatch.setattr(tune, "with_resources", lambda trainable, resources: trainable)
    return StandIn
