"""Convert models from and to other formats."""
