"""Drawn people and simulated attacks, for tests that need faces in no time."""
