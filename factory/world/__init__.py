"""Rendered people before a camera, and attacks on them that are part of the scene."""
