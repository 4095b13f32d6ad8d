"""What networks for images ask of their input."""

from __future__ import annotations


def image_problems(input_shape: tuple[int, ...], halvings: int, reason: str) -> list[str]:
    """List why images of ``input_shape`` cannot be halved so often, once per ``reason``."""
    shape = f"input_shape = {list(input_shape)}"
    if len(input_shape) != 3:
        return [f"{shape} is not [channels, height, width]"]
    if any(side % 2**halvings for side in input_shape[1:]):
        return [f"{shape} cannot be halved {halvings} times, once per {reason}"]
    return []
