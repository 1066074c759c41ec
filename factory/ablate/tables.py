"""Read ablation tables from the YAML files of this folder or from a user's own."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, field_validator, model_validator

from difffas.errors import UserError
from factory.charts.metric_table import RATES, THRESHOLDS
from factory.core.config import Config, PathOfProtocol, PathOrUrl, build, is_empty, is_none, read_yaml
from factory.core.places import file_here
from factory.core.templates import substituted

FOLDER = Path(__file__).parent
DSDG = "dsdg"  # the generator that a row names for new people
# The figures of an evaluation that can be a column: rates, under the names in its summary.
METRICS = (
    *("auc", "d_eer", "tpr@fpr=1%"),
    *(f"{rate}@{threshold}" for rate, *_ in RATES for threshold, *_ in THRESHOLDS),
    *(f"bpcer{one_in}@{origin}" for one_in in (10, 20, 100) for origin in ("dev", "test")),
)

Seeds = Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]


class TableRow(Config):
    """One row: its changes to the settings of the stations that lead to its figures."""

    name: str = Field(min_length=1)
    generated: bool | PathOfProtocol = Field(
        True,
        description="whether to train on generated faces in addition to real ones, or the finished corpus of them",
    )
    generator: Literal["recolour", "simulate", "dsdg"] | None = Field(
        None,
        exclude_if=is_none,
        description="makes the faces without a network, or as new people with a model of fit_dsdg; no sampler setting "
        "applies",
    )
    fit_style: dict[str, JsonValue] = {}
    fit_generator: dict[str, JsonValue] = {}
    fit_dsdg: dict[str, JsonValue] = Field({}, exclude_if=is_empty)
    generate: dict[str, JsonValue] = {}
    fit_classifier: dict[str, JsonValue] = {}

    @model_validator(mode="after")
    def _check(self) -> TableRow:
        makes = ("fit_style", "fit_generator", "fit_dsdg", "generate")
        changed = [station for station in makes if getattr(self, station)]
        if changed and not self.generated:
            raise UserError(f"row {self.name!r} changes {changed[0]} and trains on no generated face: leave one out")
        if isinstance(self.generated, str) and (changed or self.generator):
            other = changed[0] if changed else "a generator"
            raise UserError(f"row {self.name!r} names a finished corpus and {other}: leave one out")
        if self.fit_dsdg and self.generator != DSDG:
            raise UserError(f"row {self.name!r} changes fit_dsdg: set generator: {DSDG}, or leave fit_dsdg out")
        if self.generator and (self.fit_style or self.fit_generator or not self.generated):
            needs = "it needs no other" if self.generator == DSDG else "it fits none"
            raise UserError(f"row {self.name!r} names generator {self.generator}: {needs}, so leave the rest out")
        return self


class Table(Config):
    """One ablation.

    A row of the file may have `each`: it then stands for one row per value, or per pair of values if two names are
    given, and `$name` is replaced by the value everywhere.

    Raises:
        UserError: for an unknown metric, rows with the same name, two equal protocols or seeds, or an average over
            fewer than two protocols or over one that the table lacks.
    """

    name: str
    title: str
    shape: str = Field(description="table of the paper whose shape this one has")
    note: str = Field("", description="what the paper leaves open, and how we read it")
    protocols: tuple[PathOrUrl, ...] = Field(("own",), min_length=1)
    columns: tuple[str, ...] = Field(min_length=1)
    average: bool | tuple[PathOrUrl, ...] = Field(
        False, description="whether to add a column with the mean over the protocols, or over which of them"
    )
    seeds: Seeds = (0, 1, 2)
    sampling: dict[str, JsonValue] = Field(
        {},
        exclude_if=is_empty,
        description="`sampling` of `fit_classifier` in all rows; the ablation's settings and the row's go before it; "
        "generated_share counts only in rows with generated faces",
    )
    rows: tuple[TableRow, ...] = Field(min_length=1)

    @field_validator("columns")
    @classmethod
    def _known(cls, columns: tuple[str, ...]) -> tuple[str, ...]:
        for column in columns:
            if column not in METRICS:
                near = difflib.get_close_matches(column, METRICS, n=1, cutoff=0.4)
                hint = f"did you mean {near[0]!r}?" if near else f"choose among {', '.join(METRICS)}"
                raise UserError(f"no evaluation has the metric {column!r}; {hint}")
        return columns

    @model_validator(mode="after")
    def _distinct(self) -> Table:
        for what, values in (
            ("protocols", self.protocols),
            ("columns", self.columns),
            ("seeds", self.seeds),
            ("rows", [row.name for row in self.rows]),
        ):
            if twice := [str(value) for place, value in enumerate(values) if value in values[:place]]:
                raise UserError(f"{what} has {twice[0]!r} twice: name each once")
        if isinstance(self.average, tuple):
            if unknown := [name for name in self.average if name not in self.protocols]:
                raise UserError(f"average names {unknown[0]!r}, which is not among the protocols: leave it out")
            if len(set(self.average)) < max(len(self.average), 2):
                raise UserError(f"average {list(self.average)} must name two or more protocols, each once")
        return self

    @property
    def averaged(self) -> tuple[str, ...]:
        """The protocols of the column `average`; empty if the table has none."""
        if isinstance(self.average, tuple):
            return self.average
        return self.protocols if self.average and len(self.protocols) > 1 else ()

    def narrowed(self, protocols: tuple[str, ...] | None, seeds: Seeds | None) -> Table:
        """The table with these protocols and seeds, if given; an average keeps its protocols that are left."""
        chosen: dict[str, Any] = {"protocols": protocols or self.protocols, "seeds": seeds or self.seeds}
        if isinstance(self.average, tuple):
            left = tuple(name for name in self.average if name in chosen["protocols"])
            chosen["average"] = left if len(left) > 1 else False
        return build(Table, {**self.model_dump(), **chosen})


def titles() -> dict[str, str]:
    """The titles of the tables in the package, by name."""
    return {path.stem: str(read_yaml(path, "table").get("title")) for path in _files()}


def load_table(name: str) -> Table:
    """A table by its name, or from a user's YAML file.

    Raises:
        UserError: in one line, if the table does not exist or its file has a mistake.
    """
    own = name.endswith((".yaml", ".yml"))
    path = Path(file_here(name)) if own else FOLDER / f"{name}.yaml"
    if not path.is_file():
        if own:
            raise UserError(f"table file {name} does not exist")
        known = [file.stem for file in _files()]
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}, or a FILE.yaml of your own"
        raise UserError(f"there is no table {name!r}; {hint}")
    values = {**read_yaml(path, "table"), "name": path.stem}
    rows = values.get("rows")
    try:
        built = {"rows": [_built_row(put) for row in rows for put in _each(row)]} if isinstance(rows, list) else {}
        return build(Table, {**values, **built})
    except UserError as error:
        raise UserError(f"table {path.name}: {error}") from None


def _files() -> list[Path]:
    return sorted(FOLDER.glob("*.yaml"))


def _built_row(row: Any) -> TableRow:
    try:
        return build(TableRow, row)
    except UserError as error:
        name = row.get("name") if isinstance(row, dict) else row
        raise UserError(f"row {name!r}: {error}") from None


def _each(row: Any) -> Iterator[Any]:
    """The rows for which a row of the file stands."""
    if not (isinstance(row, dict) and "each" in row):
        yield row
        return
    each = row["each"]
    if not (isinstance(each, dict) and each and all(isinstance(values, list) for values in each.values())):
        raise UserError("each must name lists of values, such as {margin: [0.1, 0.2]}")
    rest = {key: value for key, value in row.items() if key != "each"}
    for chosen in itertools.product(*each.values()):
        yield substituted(rest, dict(zip(each, chosen, strict=True)))
