"""Runs pytest on the tree around it, not on the one an editable installation points to."""

import sys

import pytest

sys.meta_path[:] = [f for f in sys.meta_path if "editable" not in type(f).__module__]

if __name__ == "__main__":
    from hwsim.engines.native.engine import _extension

    sys.stdout.write(f"testing {_extension().__file__}\n")
    sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[1:]]))
