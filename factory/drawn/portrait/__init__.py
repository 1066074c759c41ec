"""Procedural portraits of people who do not exist, drawn from a seed: anyone may use, train on and publish them.

`render(Subject.from_seed(3), Capture.from_seed(5), 128)` is a uint8 128,128,3 picture; `landmarks` with the same
arguments gives the five points that face detectors give.
"""

from factory.drawn.portrait.people import Capture, Subject
from factory.drawn.portrait.render import render
from factory.drawn.portrait.shape import landmarks

__all__ = ["Capture", "Subject", "landmarks", "render"]
