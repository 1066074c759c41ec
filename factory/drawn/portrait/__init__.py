"""Procedural portraits: faces of nobody, drawn from a seed, so that anyone may use, train on and publish them.

`render(Subject.from_seed(3), Capture.from_seed(5), 128)` is a uint8 128,128,3 picture; `landmarks` of the same
arguments are the five points that face detectors give.
"""

from factory.drawn.portrait.people import Capture, Subject
from factory.drawn.portrait.render import render
from factory.drawn.portrait.shape import landmarks

__all__ = ["Capture", "Subject", "landmarks", "render"]
