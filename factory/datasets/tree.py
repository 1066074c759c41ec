"""A data set's tree as licensed to the user: its files, missing files, and small text files."""

from __future__ import annotations

import csv
import dataclasses
import re
from collections.abc import Iterator

from difffas.errors import UserError
from factory.core.regular import read_regular
from factory.sources.files import File, Files

MAX_TEXT = 1 << 30  # bytes; CelebA-Spoof's larger list has about a tenth of this
MAX_BOXES = 1 << 22  # bytes of a box file: a hundred thousand frames
UNKNOWN = "unknown name"  # a file of the right kind in the right place with an unreadable name
UNLISTED = "in no list"  # a recording that the official lists omit, and therefore all protocols
MISSING = "missing file"  # a list names the file, and the tree lacks it
SPLITS = {"train": "train", "dev": "dev", "devel": "dev", "valid": "dev", "test": "test", "eval": "test"}
VIDEOS = "avi mov mp4 m4v"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One video, container or image, and the facts in the documents: values of the row's fields, as text.

    `instrument` is the finer name of the attack; an empty `domain` means the data set's own; `boxes` is the file with
    the face's place; `turn` is as in `Source`. For a reject only the file and the reason are known.
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
        UserError: if the folder is missing or not a folder.
    """

    def __init__(self, source: str, title: str) -> None:
        self.source, self._title, self.reader = source, title, Files(source)
        if self.reader.named:
            raise UserError(f"source {source} is a file or glob: give the folder that holds {title}")
        self.files = {file.name: file for file in self.reader.find()}

    def require(self, *names: str) -> None:
        """Raise UserError that names every missing file, and every missing or empty folder (`Train_files/`)."""
        missing = [name for name in names if not self._has(name)]
        if missing:
            raise UserError(
                f"source {self.source} is not a complete {self._title} tree, it lacks {', '.join(missing)}: "
                f"give the folder that holds {', '.join(names)}"
            )

    def _has(self, name: str) -> bool:
        return any(file.startswith(name) for file in self.files) if name.endswith("/") else name in self.files

    def search(
        self, pattern: re.Pattern[str], extensions: str, *folders: str
    ) -> Iterator[tuple[File, re.Match[str] | None]]:
        """Yield files in these folders with one of the extensions, each with the pattern's match of its whole name."""
        kinds = tuple(f".{extension}" for extension in extensions.split())
        for name, file in self.files.items():
            if name.startswith(folders) and name.lower().endswith(kinds):
                yield file, pattern.fullmatch(name)

    def beside(self, file: File, ending: str, folder: str = "") -> str:
        """Return the name of a file's companion, `<folder><stem><ending>`; empty if there is no such file."""
        name = folder + file.name.rpartition(".")[0] + ending
        return name if name in self.files else ""

    def text(self, name: str) -> str:
        """Return a text file in UTF-8, with or without a byte order mark; invalid bytes are replaced.

        Raises:
            UserError: if the file cannot be read or is larger than any list.
        """
        if self.files[name].size > MAX_TEXT:
            raise UserError(f"{self.source}/{name} is too large for a list of {self._title}")
        try:
            return self.reader.read(name).decode("utf-8-sig", "replace")
        except OSError as error:
            raise UserError(f"{self.source}/{name} cannot be read: {error.strerror or error}") from None

    def list_text(self, chosen: str | None, pattern: re.Pattern[str]) -> tuple[str, str]:
        """Return name and text of the user's list, or of the tree's first matching list; empty if there is none."""
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
    """Note the split of a name; raises UserError if another was noted: training data would be tested."""
    if splits.setdefault(name, split) != split:
        raise UserError(f"{where}: {name} is in {splits[name]} and in {split}")


def table(name: str, text: str, *columns: str) -> list[dict[str, str]]:
    """Return the rows of a CSV with a header; raises UserError if a column is missing."""
    try:
        return _rows(name, csv.DictReader(text.splitlines()), columns)
    except csv.Error as error:
        raise UserError(f"{name} is not a CSV file: {error}") from None


def _rows(name: str, reader: csv.DictReader[str], columns: tuple[str, ...]) -> list[dict[str, str]]:
    if twice := [column for column in columns if list(reader.fieldnames or ()).count(column) > 1]:
        raise UserError(f"{name} has two columns {', '.join(twice)}: give each a name of its own")
    lacking = [column for column in columns if column not in (reader.fieldnames or ())]
    if lacking:
        raise UserError(f"{name} has no column {', '.join(lacking)}: it needs {', '.join(columns)}")
    return [{column: (row[column] or "").strip() for column in columns} for row in reader]
