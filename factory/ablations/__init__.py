"""Ablation tables as data: rows are settings of the stations, columns are metrics, cells means over seeds.

One YAML file of this folder is one table; docs/ablating.md is the manual. `tables` reads them, `graph` turns a table
into runs, `figures` turns finished runs into a table of figures.
"""

from __future__ import annotations

from factory.ablations.figures import Cell, cells_of, csv_of, markdown_of
from factory.ablations.graph import OWN, STATIONS, Graph, Place, Step
from factory.ablations.tables import Table, TableRow, load_table, titles

__all__ = [
    "OWN",
    "STATIONS",
    "Cell",
    "Graph",
    "Place",
    "Step",
    "Table",
    "TableRow",
    "cells_of",
    "csv_of",
    "load_table",
    "markdown_of",
    "titles",
]
