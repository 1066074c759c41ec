"""Every data set has a name, a domain and a tree, and its captures give back what the reader said."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from factory.datasets import DATASETS, fields
from factory.prepare.config import DatasetName
from factory.sources.pattern import vocabulary_name
from tests.factory.datasets.listing import listed
from tests.factory.datasets.trees import TREES


def test_every_data_set_has_a_name_a_domain_and_a_tree() -> None:
    assert set(DATASETS) == set(TREES) == set(get_args(DatasetName))
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
