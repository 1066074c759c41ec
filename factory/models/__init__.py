"""Models of this factory: where they are, how they are loaded, what they compute."""
