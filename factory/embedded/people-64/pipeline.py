"""Loads this folder with `DiffusionPipeline.from_pretrained(folder, trust_remote_code=True)` of diffusers.

The networks are not in this file: it imports them from the package difffas-factory. With that package at hand,
`difffas.SpoofPipeline.from_pretrained(folder)` does the same and runs no code of the folder.
"""

import importlib

try:
    SpoofPipeline = importlib.import_module("difffas.pipeline").SpoofPipeline
except ModuleNotFoundError as error:
    if error.name != "difffas":
        raise
    raise ImportError("this model is loaded by the package difffas-factory: pip install difffas-factory") from None
