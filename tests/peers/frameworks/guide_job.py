"""Run by a framework's Python: ``guide_job.py GUIDE NAME...`` runs a guide, prints its names."""

import contextlib
import json
import re
import sys
import tempfile
from pathlib import Path


def main():
    """Run the Python blocks of the guide in an empty folder; print names of theirs as JSON."""
    text, names = Path(sys.argv[1]).read_text(), {}
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
            exec(block, names)
    sys.stdout.write(json.dumps({name: names[name] for name in sys.argv[2:]}) + "\n")


if __name__ == "__main__":
    main()
