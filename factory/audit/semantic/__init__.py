"""Near-duplicates by what a network sees: spoofs that look alike, and spoofs that look like a training spoof.

The design is that of SemDeDup (Abbas et al. 2023, arXiv 2303.09540): k-means over embeddings, and pairs within the
buckets alone. As with dHash, a row is a duplicate if a row of its style whose key is smaller is near.
docs/auditing.md is the manual.
"""
