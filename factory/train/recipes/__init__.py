"""What is trained: the generator, the style encoder, the classifier."""
