"""Models of this factory: where they lie, how they are loaded, what they compute."""
