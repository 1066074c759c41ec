"""The generator of drawn people is whole, and knows the styles that the demo asks of it."""

from __future__ import annotations

from difffas.model_folder import CODE, code
from difffas.pipeline import SpoofPipeline
from factory.drawn import PRETRAINED
from factory.drawn.pictures import LIVE

DOMAINS, ATTACKS = ("webcam", "phone"), ("print", "replay", "mask")  # of its card


def test_the_generator_of_drawn_people_knows_their_styles() -> None:
    styles = {f"{domain}-{attack}" for domain in DOMAINS for attack in (LIVE, *ATTACKS)}
    assert set(SpoofPipeline.from_pretrained(PRETRAINED).style_encoder.styles) == styles


def test_it_holds_no_pickle_and_no_code_but_the_few_lines_for_diffusers() -> None:
    files = [path for path in PRETRAINED.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".json", ".safetensors", ".md", ".py"}
    assert [path.relative_to(PRETRAINED).as_posix() for path in files if path.suffix == ".py"] == [CODE]
    assert (PRETRAINED / CODE).read_bytes() == code()
