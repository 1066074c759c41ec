"""Drawn people and simulated attacks: what the demo is made of."""
