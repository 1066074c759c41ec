from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from benchmarks.corpora import NoConfig
from factory.core.config import build
from factory.report import PAGE, ReportConfig, run
from factory.report.explorer import PAGE as EXPLORER
from factory.run import Run
from tests.browser import program
from tests.pages import Page, report, summary_of


def test_the_page_loads_nothing(page: Page) -> None:
    for tag, attributes in page.tags:
        if tag == "link":
            assert (attributes["rel"], attributes["href"][:15]) == ("icon", "data:image/svg+")
            continue
        for name, value in attributes.items():
            if name in ("src", "srcset", "data", "poster", "action", "background"):
                assert value.startswith("data:"), (tag, name)
            if name == "href" and value != EXPLORER:
                assert value.startswith("#")
                assert value[1:] in {others.get("id") for _, others in page.tags}
    assert not any("src" in script for script in page.of("script"))
    policy = next(meta["content"] for meta in page.of("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; img-src data:;")


def test_no_address_date_or_path_in_the_page(inputs: dict[str, Any], tmp_path: Path) -> None:
    report(tmp_path, inputs)
    text = re.sub(r"base64,[^\"]*", "", (tmp_path / PAGE).read_text(encoding="utf-8"))
    assert not re.search(r"https?://|url\(|@import", text.replace("http://www.w3.org/2000/svg", ""))
    assert not re.search(r"20\d\d-\d\d-\d\d", text)
    assert str(Path(inputs["real"]).parent) not in text


def test_header_says_what_was_read(page: Page, inputs: dict[str, Any]) -> None:
    assert "Faces <one>" in page.text["header"]
    foot = page.text["footer"]
    assert "8 runs" in foot
    assert re.search(r"torch \d", foot)
    claim = Run(inputs["tune"], "tune", {"split": "test", "summary": summary_of(inputs["tune"])}, NoConfig())
    assert claim.fingerprint[:16] in foot
    assert claim.fingerprint in [code.get("title") for code in page.of("code")]


@pytest.mark.parametrize(
    ("given", "sections"),
    [
        (["real"], ["counts", "quality"]),
        (["generated"], ["faces", "counts", "quality"]),
        (["models"], ["training"]),
        (["strength"], ["strength"]),
        (["evaluations"], ["detection"]),
        (["tune"], ["tuning"]),
        (
            ["real", "generated", "models", "strength", "evaluations", "tune"],
            ["faces", "counts", "quality", "training", "strength", "detection", "tuning"],
        ),
    ],
)
def test_sections_without_input_are_left_out(
    inputs: dict[str, Any], tmp_path: Path, given: list[str], sections: list[str]
) -> None:
    page = report(tmp_path, {name: inputs[name] for name in given})
    assert page.sections == sections
    linked = [f"#{name}" for name in sections]
    explorer = [EXPLORER] if "generated" in given else []
    links = re.findall(r'<a href="([^"]*)"', page.raw.partition('<div class="onward">')[2])
    assert links[: len(explorer + linked)] == explorer + linked
    assert (tmp_path / EXPLORER).exists() == bool(explorer)
    assert ("dialog" in {tag for tag, _ in page.tags}) == ("faces" in sections)


def test_running_again_changes_nothing_and_elsewhere_gives_the_same_bytes(
    inputs: dict[str, Any], tmp_path: Path
) -> None:
    configs = [build(ReportConfig, {"inputs": inputs, "out": str(tmp_path / name)}) for name in ("a", "b")]
    first = run(configs[0])
    assert first["report"] == str(tmp_path / "a" / PAGE)
    assert first["bytes"] == (tmp_path / "a" / PAGE).stat().st_size
    assert first["triplets"] == 6 * 4
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "a").rglob("*")}
    assert run(configs[0]) == first
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "a").rglob("*")} == before
    run(configs[1])
    made = {
        name: {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for name in "ab"
        if (root := tmp_path / name)
    }
    assert {name for name in made["a"] if made["a"][name] != made["b"].get(name)} == {"run.json", "summary.json"}
    assert made["a"].keys() == made["b"].keys()
    with pytest.raises(ValueError, match="belongs to another run"):
        run(build(ReportConfig, {"inputs": inputs, "out": str(tmp_path / "a"), "title": "Other"}))


def test_wrong_inputs_are_one_line_and_claim_nothing(inputs: dict[str, Any], tmp_path: Path) -> None:
    Run(str(tmp_path / "begun"), "fit-style", {}, NoConfig())
    out = tmp_path / "out"
    for given, message in (
        ({}, "nothing to report on: give at least one of inputs.real, inputs.live"),
        ({"reel": "x"}, "did you mean 'real'"),
        ({"real": str(tmp_path / "nowhere")}, "not a finished corpus"),
        ({"models": {"m": str(tmp_path / "begun")}}, "is not finished"),
        ({"models": {"m": inputs["tune"]}}, "holds a run of tune, whose summary has no 'curve'"),
        ({"strength": inputs["tune"]}, "holds a run of tune, whose summary has no 'spearman'"),
        ({"evaluations": {"e": inputs["real"]}}, "holds a run of prepare"),
        ({"tune": str(tmp_path)}, "has no run.json"),
    ):
        with pytest.raises(ValueError, match=message):
            run(build(ReportConfig, {"inputs": given, "out": str(out)}))
    assert not out.exists()


PROBE = """<script>
const at = place => pictures[place].firstElementChild.src, image = dialog.querySelector("img"), found = {};
found.width = innerWidth;
found.overflow = document.documentElement.scrollWidth - document.documentElement.clientWidth;
found.smooth = getComputedStyle(pictures[0].firstElementChild).imageRendering;
pictures[2].click();
found.opened = dialog.open && image.src === at(2) && image.width > 250 && image.width <= innerWidth;
found.caption = dialog.querySelector("p").textContent === pictures[2].title;
dialog.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
found.moved = image.src === at(3);
dialog.querySelector("[data-close]").click();
setTimeout(() => {
  found.closed = !dialog.open && document.activeElement === pictures[3];
  parent.postMessage(found, "*");
}, 50);
</script></body>"""
FRAME = """<body><iframe src="probe.html" style="width: 390px; height: 844px; border: 0"></iframe><script>
onmessage = event => document.body.append("RESULT " + JSON.stringify(event.data) + " END");
</script></body>"""


def test_in_a_browser_on_a_phone(page: Page, tmp_path: Path) -> None:
    """Nothing is wider than 390 px; a click enlarges, an arrow moves on, closing gives the focus back; no errors."""
    (tmp_path / "probe.html").write_text(page.raw.replace("</body>", PROBE), encoding="utf-8")
    (tmp_path / "frame.html").write_text(FRAME, encoding="utf-8")
    command = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-component-update"
    command += " --disable-background-networking --disable-sync --enable-logging=stderr --virtual-time-budget=4000"
    done = subprocess.run(
        [
            program(),
            *command.split(),
            f"--user-data-dir={tmp_path / 'profile'}",
            "--dump-dom",
            (tmp_path / "frame.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found = json.loads(done.stdout.rpartition("RESULT ")[2].partition(" END")[0])
    assert found == {"width": 390, "overflow": 0, "smooth": "pixelated"} | dict.fromkeys(
        ("opened", "caption", "moved", "closed"), True
    )
    assert "CONSOLE" not in done.stderr
