"""Simulated cameras and physical attacks on a face: for drawn people, and as a generator without a network."""
