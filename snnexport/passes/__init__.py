"""The passes from a captured Graph to a Program, one function a file."""
