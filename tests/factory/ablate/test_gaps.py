"""A result with gaps is kept once, and another one beside it."""

from __future__ import annotations

from pathlib import Path

from factory.ablate.gaps import keep
from factory.storage import Storage


def test_a_result_is_kept_under_the_next_number_unless_it_is_the_last_one(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    assert keep(storage, b"{}", {".md": b"one", "/page.html": b"<p>"}) == "gaps/0001"
    assert keep(storage, b"{}", {".md": b"one"}) == "gaps/0001"
    assert keep(storage, b"[]", {".md": b"two"}) == "gaps/0002"
    assert keep(storage, b"{}", {".md": b"one"}) == "gaps/0003", "only the last one counts"
    assert storage.names("gaps") == [f"000{n}.{kind}" for n in (1, 2, 3) for kind in ("json", "md")]
    assert storage.read("gaps/0001/page.html") == b"<p>" and storage.read("gaps/0002.md") == b"two"


def test_files_that_a_killed_run_left_are_not_taken_for_this_result(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    storage.create("gaps/0001/page.html", b"another result")
    assert keep(storage, b"{}", {"/page.html": b"this one"}) == "gaps/0002"
    assert storage.read("gaps/0002/page.html") == b"this one"
