"""The plant: corpora, plans, shards and the Ray code that moves them. Imports `difffas`, never the other way."""
