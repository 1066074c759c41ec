"""JSON files of a run: whole objects only, and a line that says the mend."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict

import pytest

from difffas.errors import UserError
from factory.run.reading import checked, read_json
from factory.storage import Storage


def test_an_object_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": [1, null], "b": {"c": "ä"}}', encoding="utf-8")
    assert read_json(Storage(str(tmp_path)), "a.json", "mend it") == {"a": [1, None], "b": {"c": "ä"}}


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"text"', '{"a": 1, "a": 2}', "[" * 10**5, '{"a": 1} x'])
def test_anything_else_is_corrupt_and_says_the_mend(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(UserError) as caught:
        read_json(Storage(str(tmp_path)), "a.json", "run the command again")
    assert str(caught.value) == f"{tmp_path}/a.json is corrupt: run the command again"


def test_a_missing_file_is_not_corrupt(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_json(Storage(str(tmp_path)), "a.json", "mend it")


class Count(TypedDict):
    rows: int


def test_a_document_of_another_form_names_file_key_and_mend() -> None:
    assert checked({"rows": 3, "more": 1}, Count, "a/b.json", "mend it") == {"rows": 3, "more": 1}
    with pytest.raises(UserError, match=r"^a/b.json is corrupt \(its rows has another form\): mend it$"):
        checked({"rows": "3"}, Count, "a/b.json", "mend it")
    with pytest.raises(UserError, match=r"^a/b.json is corrupt \(its rows is missing\): mend it$"):
        checked({}, Count, "a/b.json", "mend it")
