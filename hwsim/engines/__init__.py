"""The engines: each computes exactly what the machine computes."""
