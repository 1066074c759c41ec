"""The tree that a user was licensed: its files, what it lacks, and its small text files."""

from __future__ import annotations

import csv
import dataclasses
import re
from collections.abc import Iterator

from difffas.errors import UserError
from factory.core.regular import read_regular
from factory.sources.files import File, Files

MAX_TEXT = 1 << 30  # bytes; CelebA-Spoof's larger list has about a tenth
MAX_BOXES = 1 << 22  # bytes of a box file: a hundred thousand frames
UNKNOWN = "unknown name"  # a file of the right kind in the right place, whose name says nothing
UNLISTED = "in no list"  # what the official lists do not have, no protocol has
MISSING = "missing file"  # what a list names, and the tree does not have
SPLITS = {"train": "train", "dev": "dev", "devel": "dev", "valid": "dev", "test": "test", "eval": "test"}
VIDEOS = "avi mov mp4 m4v"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One video, container or image, and what the documents say of it: values of the row's fields, as text.

    `instrument` is the finer name of the attack, `domain` empty for the data set's own, `boxes` the file that has the
    face's place, `turn` as in `Source`. Of a reject nothing else is known.
    """

    file: File
    subject: str = ""
    capture: str = ""
    attack: str = ""
    instrument: str = ""
    split: str = ""
    domain: str = ""
    boxes: str = ""
    turn: int = 0
    reject: str | None = None


class Tree:
    """A data set's folder, local or `s3://`.

    Attributes:
        files: every file by its name below the folder, sorted.

    Raises:
        ValueError: if it is not there or no folder.
    """

    def __init__(self, source: str, title: str) -> None:
        self.source, self._title, self.reader = source, title, Files(source)
        if self.reader.named:
            raise UserError(f"source {source} is a file or glob: give the folder that holds {title}")
        self.files = {file.name: file for file in self.reader.find()}

    def require(self, *names: str) -> None:
        """ValueError that names every file, and folder with files in it (`Train_files/`), that is not there."""
        missing = [name for name in names if not self._has(name)]
        if missing:
            raise UserError(
                f"source {self.source} is no complete {self._title} tree, it lacks {', '.join(missing)}: "
                f"give the folder that holds {', '.join(names)}"
            )

    def _has(self, name: str) -> bool:
        return any(file.startswith(name) for file in self.files) if name.endswith("/") else name in self.files

    def search(
        self, pattern: re.Pattern[str], extensions: str, *folders: str
    ) -> Iterator[tuple[File, re.Match[str] | None]]:
        """Files of these folders that have one of the extensions, with what the pattern finds in their whole names."""
        kinds = tuple(f".{extension}" for extension in extensions.split())
        for name, file in self.files.items():
            if name.startswith(folders) and name.lower().endswith(kinds):
                yield file, pattern.fullmatch(name)

    def beside(self, file: File, ending: str, folder: str = "") -> str:
        """The name of a file that goes with another, `<folder><stem><ending>`; empty where it is not there."""
        name = folder + file.name.rpartition(".")[0] + ending
        return name if name in self.files else ""

    def text(self, name: str) -> str:
        """A text file in UTF-8, with or without its mark; odd bytes are replaced.

        Raises:
            ValueError: if it cannot be read or is larger than any list.
        """
        if self.files[name].size > MAX_TEXT:
            raise UserError(f"{self.source}/{name} is too large for a list of {self._title}")
        try:
            return self.reader.read(name).decode("utf-8-sig", "replace")
        except OSError as error:
            raise UserError(f"{self.source}/{name} cannot be read: {error.strerror or error}") from None

    def list_text(self, chosen: str | None, pattern: re.Pattern[str]) -> tuple[str, str]:
        """Name and text of the list that the user chose, else of the first in the tree whose name fits; or empty."""
        if chosen is None:
            name = next((name for name in self.files if pattern.search(name)), "")
            return name, self.text(name) if name else ""
        try:
            return chosen, read_regular(chosen, MAX_TEXT).decode("utf-8-sig", "replace")
        except OSError as error:
            raise UserError(f"dataset_list {chosen} cannot be read: {error.strerror}") from None
        except ValueError as error:
            raise UserError(f"dataset_list {chosen} cannot be read: {error}") from None


def put_split(splits: dict[str, str], name: str, split: str, where: str) -> None:
    """Note the split of a name; ValueError if another was noted: what is trained on would be tested."""
    if splits.setdefault(name, split) != split:
        raise UserError(f"{where}: {name} is in {splits[name]} and in {split}")


def table(name: str, text: str, *columns: str) -> list[dict[str, str]]:
    """The rows of a CSV with a header; ValueError if it lacks one of the columns."""
    try:
        return _rows(name, csv.DictReader(text.splitlines()), columns)
    except csv.Error as error:
        raise UserError(f"{name} is no CSV: {error}") from None


def _rows(name: str, reader: csv.DictReader[str], columns: tuple[str, ...]) -> list[dict[str, str]]:
    if twice := [column for column in columns if list(reader.fieldnames or ()).count(column) > 1]:
        raise UserError(f"{name} has two columns {', '.join(twice)}: give each a name of its own")
    lacking = [column for column in columns if column not in (reader.fieldnames or ())]
    if lacking:
        raise UserError(f"{name} has no column {', '.join(lacking)}: it needs {', '.join(columns)}")
    return [{column: (row[column] or "").strip() for column in columns} for row in reader]
