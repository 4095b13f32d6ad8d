"""Datasets by name and split, as raw integers with a fixed, documented division."""

from snntrain.data.base import SOURCES, Dataset, load, parse_selector

__all__ = ["SOURCES", "Dataset", "load", "parse_selector"]
