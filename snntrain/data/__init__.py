"""Datasets by name and split, as raw integers with a fixed, documented division."""

from snntrain.data.base import Dataset, Images, Recordings
from snntrain.data.sources import SOURCES, encoders_of, load, parse_selector

__all__ = ["SOURCES", "Dataset", "Images", "Recordings", "encoders_of", "load", "parse_selector"]
