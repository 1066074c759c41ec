"""A search's picture."""

from __future__ import annotations

from xml.etree import ElementTree

from factory.tune.charts import picture
from tests.factory.tune.summaries import summary


def test_the_picture_is_one_file_in_light_and_dark() -> None:
    text = picture(summary())
    root = ElementTree.fromstring(text)
    name = "{http://www.w3.org/2000/svg}"
    assert "prefers-color-scheme: dark" in text
    assert len(root.findall(f"{name}svg")) == 2  # a panel for each parameter
    assert [len(panel.findall(f"{name}circle")) for panel in root.findall(f"{name}svg")] == [4, 4]
    texts = [element.text for element in root.findall(f"{name}text")]
    assert texts == ["auc over t0_max", "auc over learning_rate", "best", "finished", "stopped early"]
