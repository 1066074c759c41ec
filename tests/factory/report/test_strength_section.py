"""The report's section on a strength study."""

from __future__ import annotations

import json
from pathlib import Path

from factory import charts
from tests.pages import Page, report, study


def test_the_report_has_a_section(tmp_path: Path) -> None:
    page = report(tmp_path / "report", {"strength": study(tmp_path / "study")})
    assert page.sections == ["strength"]
    text = page.text["strength"]
    summary = json.loads((tmp_path / "study" / "summary.json").read_text())
    for name, decimals in (("strength", 2), ("identity_change", 3), ("rms", 1)):
        for cell in summary["cells"]:
            assert charts.fixed(cell[f"{name}_mean"], decimals) in text
    assert "Strength T₀ 1.00 1.00 1.00" in text and "Strength w 1.00 1.00 1.00" in text  # cell means, style, face
    assert "+1.50 Strength w" in text and "+0.35 Identity change T₀" in text  # how far they move
    assert "Identity change w — — —" in text
    assert "untouched live faces have −5.0 ± 0.0, the real guides 9.0 ± 0.0" in text
    heats = [
        float(cell["style"].removeprefix("--heat: ").removesuffix("%")) for cell in page.of("td") if "style" in cell
    ]
    assert len(heats) == 3 * 6
    assert min(heats) == 0 and max(heats) == 45
    assert heats[:6] == sorted(heats[:6])  # strength rises along the rows
    pictures = [image for image in page.of("img") if image.get("class") == "matrix"]
    assert pictures[0]["src"].startswith("data:image/webp;base64,")


def test_the_report_goes_without_the_picture(tmp_path: Path) -> None:
    folder = study(tmp_path / "study")
    (tmp_path / "study" / "grid.png").unlink()
    page: Page = report(tmp_path / "report", {"strength": folder})
    assert page.sections == ["strength"]
    assert not page.of("img")
