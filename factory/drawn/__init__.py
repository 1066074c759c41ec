"""Drawn people and simulated attacks, the data of the demo."""
