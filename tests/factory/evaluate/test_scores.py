"""The score file: what is read, what is refused and how, and frames joined to videos."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.corpora import row, small_rows, write_corpus
from factory.corpus import Corpus
from factory.evaluate.scores import BOB, COLUMNS, Scores, corpus_scores, joined, read, read_file

BOB_FILE = b"""claimed_id,test_label,is_bonafide,attack_type,sample_n,score
1,1/live,True,,0,0.9
1,1/live,True,,1,0.7
1,1/print,False,print,0,0.1
1,1/print,False,print,1,0.4
2,2/live,True,,0,0.8
2,2/replay,False,replay,0,0.3
"""


def file(*lines: str, header: str = "is_bonafide,attack_type,score,split") -> bytes:
    return "\n".join([header, *lines, ""]).encode()


def test_a_file_of_bobs_is_all_test_and_has_videos() -> None:
    scores = read(BOB_FILE)
    assert scores.splits() == ["test"]
    given = scores.score_set()
    assert list(np.asarray(given.labels)) == [0, 0, 1, 1, 0, 1]
    assert given.subjects == ["1", "1", "1", "1", "2", "2"]
    videos = scores.videos()
    assert videos.columns["test_label"].tolist() == ["1/live", "1/print", "2/live", "2/replay"]
    assert videos.columns["score"] == pytest.approx([0.8, 0.25, 0.8, 0.3], abs=1e-15)
    assert videos.videos().csv() == videos.csv()


def test_our_columns_begin_with_bobs_and_survive_the_file(tmp_path: Path) -> None:
    assert COLUMNS[: len(BOB)] == BOB
    corpus = write_corpus(tmp_path / "real", small_rows(splits=("dev", "test")))
    positions = corpus.where(split="test")
    scores = np.random.default_rng(0).random(len(positions))
    ours = corpus_scores(corpus, positions, scores)
    again = read(ours.csv())
    assert again.csv() == ours.csv()
    assert again.columns["score"].tolist() == scores.tolist()  # every digit
    assert again.columns["key"].tolist() == corpus.column("key")[positions].tolist()
    assert set(again.columns["test_label"]) >= {"cam/live/s1/c0", "phone/print/s3/c1"}
    assert set(again.columns["sample_n"]) == {"0"}


def test_videos_are_of_one_domain_attack_subject_and_capture(tmp_path: Path) -> None:
    """Frames of one recording are joined, whatever stands between them; a row without a capture is by itself."""
    facts: list[dict[str, Any]] = [
        {"domain": "cam", "subject": "a", "capture": "1"},
        {"domain": "phone", "subject": "a", "capture": "1"},
        {"domain": "cam", "subject": "a", "capture": "1", "attack": "print", "label": 1},
        {"domain": "cam", "subject": "b", "capture": "1"},
        {"domain": "cam", "subject": "a", "capture": "2"},
        {"domain": "cam", "subject": "a", "capture": None},
        {"domain": "cam", "subject": "a", "capture": None},
        {"domain": "cam", "subject": "a", "capture": "1"},
    ]
    write_corpus(tmp_path / "real", [row(i, **given) for i, given in enumerate(facts)])
    corpus = Corpus(str(tmp_path / "real"))
    scores = corpus_scores(corpus, np.arange(8), np.arange(8) / 8)
    assert scores.columns["sample_n"].tolist() == ["0"] * 7 + ["1"]
    videos = read(scores.csv()).videos()
    assert videos.columns["score"].tolist() == [3.5 / 8, 1 / 8, 2 / 8, 3 / 8, 4 / 8, 5 / 8, 6 / 8]
    assert videos.columns["test_label"][5] == "row-0005"


def test_lines_that_say_nothing_of_a_recording_are_by_themselves() -> None:
    scores = read(file("True,,0.5", "True,,0.7", "0,mask,0.1", header="is_bonafide,attack_type,score"))
    assert len(scores.videos()) == 3
    assert scores.score_set().subjects is None


def test_splits_and_files_are_joined() -> None:
    both = read(file("True,,0.9,test", "False,print,0.1,test", "True,,0.8,dev"))
    assert both.splits() == ["dev", "test"]
    assert len(both.of("test")) == 2
    dev = read(BOB_FILE).named("dev")
    assert joined([both.of("test"), dev]).splits() == ["dev", "test"]
    assert isinstance(joined([both, dev]), Scores)


NO_NUMBERS = ("1_000", "0x10", "1e", "1__0", "\u0661", "\uff11", "1.2.3", "\xa01", "True", "1j", "--1", "infinite")


@pytest.mark.parametrize("text", ["1", " 1", "1\t", "+1", "-1.", ".5", "1e-05", "1E+3", "00.10", "-0.0"])
def test_decimal_numbers_are_read(text: str) -> None:
    assert read(file(f"True,,{text},test")).columns["score"].tolist() == [float(text)]


def test_scores_that_are_higher_for_attacks_can_be_turned() -> None:
    shares = read(file("True,,0.25,test", "False,print,1,test", "False,print,0,test")).turned()
    assert shares.columns["score"].tolist() == [0.75, 0.0, 1.0]
    others = read(file("True,,0.25,test", "False,print,1.5,test")).turned()
    assert others.columns["score"].tolist() == [-0.25, -1.5]
    assert others.turned().columns["score"].tolist() == [0.25, 1.5]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "scores.csv has no column 'is_bonafide'; it has none"),
        (
            file("True,print,1", header="is_bonafide,attack,score"),
            "has no column 'attack_type'; it has is_bonafide, attack, score",
        ),
        (file(), "has no line below its header"),
        (file("True,,0.9,test", "False,print,high,test"), "scores.csv line 3: score 'high' is not a number"),
        (file("True,,,test"), "line 2: score '' is not a number"),
        (file("True,,nan,test"), "line 2: score 'nan' is not finite: leave the line out"),
        (file("yes,,0.1,test"), "line 2: is_bonafide 'yes' is neither True nor False"),
        (file("False,,0.1,test"), "line 2: an attack .* with attack_type '': name it"),
        (file("False,live,0.1,test"), "with attack_type 'live': name it"),
        (file("True"), "line 2: score '' is not a number"),
        *((file(f"True,,{text},test"), "line 2: score .* is not a number") for text in NO_NUMBERS),
        *((file(f"True,,{text},test"), "line 2: score .* is not finite") for text in ("NaN", "inf", "-inf", "1e999")),
        (
            file("True,,0.1,0.9,test", header="is_bonafide,attack_type,score,score,split"),
            "has two columns 'sco",
        ),
        (file("True,,0.1,0.9,test", header="is_bonafide,attack_type,score, score,split"), "has two columns 'sco"),
        (file("True,,0.1,0.9,test", header="is_bonafide,attack_type,score,Score,split"), "has two columns 'sco"),
        (file("True,,0.1,0.9,test", header="is_bonafide,attack_type,score,ｓcore,split"), "has two columns 'sco"),
        (file("True,,0.1,a,b", header="is_bonafide,attack_type,score,split,split"), "has two columns 'split'"),
        (file("True,,0,5", header="is_bonafide,attack_type,score"), "line 2 has more fields than the header"),
        (b"\xff\xfe\x00", "is not a CSV file in UTF-8"),
        (b'is_bonafide,attack_type,score\nTrue,"x,0.5\n', "is not a CSV file in UTF-8"),
    ],
)
def test_a_fault_is_one_line(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        read(data)
    assert "\n" not in str(error.value)


def test_spreadsheets_marks_and_spaces_do_no_harm() -> None:
    scores = read(b"\xef\xbb\xbfis_bonafide, attack_type ,score\r\ntrue, ,1\r\nFALSE, print , 0.5\r\n")
    assert scores.columns["attack_type"].tolist() == ["", "print"]
    assert scores.columns["score"].tolist() == [1.0, 0.5]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        read_file(f"{tmp_path}/nowhere.csv")
    with pytest.raises(ValueError, match="is not a regular file"):
        read_file(str(tmp_path))
