"""Readers of event-camera and spike-train files, all into one kind of array."""

from snntrain.events.array import EVENT, event_array
from snntrain.events.reading import READERS, read_events

__all__ = ["EVENT", "READERS", "event_array", "read_events"]
