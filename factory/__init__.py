"""The plant: corpora, plans, shards and the Ray code that moves them. Imports `difffas`, never the other way."""

from factory.core.arithmetic import settle

settle()  # here, since every process that computes for the plant imports it before PyTorch's first product
