"""make fuzz: compares random networks on every judge; ``python -m fuzz --help`` tells more."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from fuzz.judges import DEFAULT, JUDGES
from fuzz.runner import Plan, fuzz
from hwsim.console import progress_bar
from hwsim.options import names


@click.command()
@click.option("--seed", default=0, show_default=True, help="Network i is drawn from (seed, i).")
@click.option("--count", default=300, show_default=True, type=click.IntRange(1))
@click.option("--against", default=",".join(("reference", *DEFAULT)), show_default=True,
              help="Judges to ask; reference is what they are compared with.")  # fmt: skip
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1),
              help="Lava processes side by side.")  # fmt: skip
@click.option("--out", default="out/fuzz.json", show_default=True,
              type=click.Path(dir_okay=False, path_type=Path),
              help="Results by network; a run goes on from there.")  # fmt: skip
def main(seed: int, count: int, against: str, workers: int, out: Path) -> None:
    """Draw random networks and compare activation, state and spikes in every step."""
    judges = [name for name in names(against) or () if name != "reference"]
    unknown = [name for name in judges if name not in JUDGES]
    if unknown:
        raise click.BadParameter(f"{', '.join(unknown)}; known: {', '.join(JUDGES)}")
    plan = Plan(seed, count, judges, out, workers)
    try:
        with progress_bar(f"fuzz, seed {seed}") as progress:
            fine, text = fuzz(plan, progress)
    except KeyboardInterrupt:
        click.echo(f"interrupted; the same command goes on from {out}", err=True)
        sys.exit(130)
    click.echo(text)
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main(prog_name="python -m fuzz")
