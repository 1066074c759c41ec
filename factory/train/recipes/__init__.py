"""The recipes for training: the generator, the style encoder, the classifier."""
