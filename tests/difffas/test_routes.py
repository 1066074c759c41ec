"""Only the styles on a route are needed; nothing else of a model's statistics is asked for."""

from __future__ import annotations

from difffas.routes import Route, needed

A, B, PRINT = "a-live", "b-live", "b-print"
ACROSS, WITHIN = Route(A, B, PRINT), Route(B, B, PRINT)


def test_only_needed_styles_are_named() -> None:
    assert needed([ACROSS, WITHIN], "none") == set()
    assert needed([WITHIN], "domain") == set()
    assert needed([ACROSS], "domain") == {A, B}
    assert needed([WITHIN], "style") == {B, PRINT}
    assert needed([ACROSS], "style") == {A, B, PRINT}


def test_the_attack_of_a_finer_style_is_the_attack_alone() -> None:
    assert ACROSS.attack == "print"
    assert Route(A, B, "b-print-session_3-phone_2").attack == "print"
