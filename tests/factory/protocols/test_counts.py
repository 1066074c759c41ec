"""Rows of each part of a protocol, counted by the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.corpora import row, write_corpus
from factory.cli import main
from tests.protocol_rows import small


def test_the_command_lists_and_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def told(*arguments: str) -> Any:
        with pytest.raises(SystemExit, match="0"):
            main(["protocols", *arguments])
        return json.loads(capsys.readouterr().out)

    assert told()["protocols"]["oci-m"] == "OULU-NPU, CASIA-FASD and Replay-Attack to MSU-MFSD"
    lines = small()
    for number, target in enumerate((True, False)):
        mine = [x for x in lines if (x["domain"] == "msu_mfsd") == target]
        write_corpus(tmp_path / str(number), [row(n, **line) for n, line in enumerate(mine)])
    alone = told("oci-m", "--corpus", f"{tmp_path}/1")
    assert alone["missing"] == ["test has no row of domain msu_mfsd (split train, test)"]
    both = told("oci-m", "--corpus", f"{tmp_path}/0", "--corpus", f"{tmp_path}/1")
    assert both["missing"] == [] and both["test"] == ["domain msu_mfsd (split train, test)"]
    figures = both["corpora"][f"{tmp_path}/1"]
    assert figures["parts"]["train"]["domains"]["casia_fasd"] == {"live": 4, "print": 4, "replay": 4}
    assert figures["parts"]["train"]["live"] == {"rows": 12, "recordings": 12}
    assert figures["parts"]["train"]["subjects"] == 12 and figures["subjects_in_train_and_test"] == 0
    assert figures["unused"] == {}
