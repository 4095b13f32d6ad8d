"""Files for SANA-FE 2.2.9, a simulator of neuromorphic hardware that prices every event."""
