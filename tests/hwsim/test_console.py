"""What reaches stderr, of which level, and in which characters."""

import io
import logging

import click
import click.testing
import pytest

from hwsim import console
from hwsim.console import LOG, colour, harmless, level_options, progress_bar, shows, telling


def told(*options, log):
    """Return what a command prints on stderr that calls ``log`` while it tells."""

    def body():
        context = click.get_current_context()
        with telling(context):
            log()

    return click.testing.CliRunner().invoke(
        click.Command("tell", params=level_options(), callback=body), list(options)
    )


def everything():
    for level in (logging.DEBUG, logging.INFO, logging.WARNING):
        LOG.log(level, "a %s", logging.getLevelName(level))


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        ([], ["a INFO", "warning: a WARNING"]),
        (["-q"], []),
        (["-v"], ["[", "a INFO", "warning: a WARNING"]),
        (["-v", "-q"], []),
        (["-q", "-v"], ["[", "a INFO", "warning: a WARNING"]),
    ],
)
def test_quiet_hides_notes_and_warnings_and_verbose_shows_details_with_the_time(options, lines):
    found = told(*options, log=everything).stderr.splitlines()
    assert len(found) == len(lines)
    assert all(line.startswith(start) for line, start in zip(found, lines, strict=True))
    if "[" in lines:
        assert found[0].endswith(" s] a DEBUG")


def test_levels_that_are_shown_are_those_from_the_one_asked_for_on():
    def body():
        click.echo([level for level in range(0, 60, 5) if shows(level)])

    for option, first in (([], 20), (["-q"], 40), (["-v"], 10)):
        made = click.Command("say", params=level_options(), callback=body)
        found = click.testing.CliRunner().invoke(made, option).stdout
        assert found == f"{list(range(first, 60, 5))}\n"
    assert [level for level in (10, 19, 20, 30) if shows(level)] == [20, 30], "outside a command"


def test_nothing_is_told_any_more_once_a_command_has_ended_even_in_an_error():
    handlers, level = list(LOG.handlers), LOG.level
    result = told(log=lambda: 1 / 0)
    assert isinstance(result.exception, ZeroDivisionError)
    assert (LOG.handlers, LOG.level) == (handlers, level)


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, None),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, None),
        ({"TERM": "dumb"}, False),
        ({"TERM": "xterm"}, None),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, False),
    ],
)
def test_colours_are_as_the_environment_says_and_no_colour_wins(environment, wanted, monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert colour() is wanted


def test_lines_stay_lines_and_all_else_that_moves_a_cursor_becomes_an_escape():
    assert harmless("a\nb") == "a\nb"
    assert harmless("a\rb\x1b[2J\tc") == r"a\rb\x1b[2J\tc"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("│║┃", b"|||"),
        ("─━═\u2013—", b"-----"),
        ("┌┼╝┬┻╇╴", b"+++++++"),
        ("µé\U0001f600", b"???"),
        ("plain ÷ 2", b"plain ? 2"),
    ],
)
def test_a_stream_of_ascii_shows_rules_and_dashes_as_what_looks_like_them(text, shown, monkeypatch):
    held = io.BytesIO()
    stream = io.TextIOWrapper(held, encoding="ascii", errors="strict", write_through=True)
    monkeypatch.setattr("sys.stdout", stream)
    monkeypatch.setattr("sys.stderr", io.TextIOWrapper(io.BytesIO(), encoding="UTF-8"))
    with telling(click.Context(click.Command("say"))):
        stream.write(text)
    assert held.getvalue() == shown


def test_a_stream_that_holds_every_character_is_left_as_it_is(monkeypatch):
    for encoding in ("utf-8", "UTF-16"):
        stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict")
        monkeypatch.setattr("sys.stdout", stream)
        with telling(click.Context(click.Command("say"))):
            assert stream.errors == "strict"


class Bars:
    """Stands for the display: keeps what each bar was told."""

    def __init__(self):
        self.told, self.open = [], []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.told.append("closed")

    def add_task(self, title, **held):
        self.open.append(title)
        self.told.append(("add", title, held))
        return title

    def update(self, task, **held):
        self.told.append((task, held["completed"], held["total"], held["note"]))

    def remove_task(self, task):
        self.open.remove(task)


@pytest.fixture
def bars(monkeypatch):
    """A display on a terminal that there is not."""
    shown = Bars()
    monkeypatch.setattr(console, "_display", lambda: shown)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    return shown


def test_each_title_has_one_bar_whose_total_of_0_is_unknown_and_all_go_at_the_end(bars):
    with click.Context(click.Command("run")), progress_bar("run", "samples") as update:
        update(0, 4)
        update(2, 4, note="busy")
        update(1, 0, "load", unit="MB")
        assert bars.open == ["run", "load"]
    assert bars.open == []
    assert bars.told == [
        ("add", "run", {"unit": "samples", "note": ""}),
        ("run", 0, 4, ""),
        ("run", 2, 4, "busy"),
        ("add", "load", {"unit": "MB", "note": ""}),
        ("load", 1, None, ""),
        "closed",
    ]


def test_a_bar_inside_another_is_drawn_in_the_same_display(bars):
    with click.Context(click.Command("run")):
        with progress_bar("outer") as outer:
            outer(1, 2)
            with progress_bar("inner") as inner:
                inner(1, 2)
                assert bars.open == ["outer", "inner"]
            assert bars.open == ["outer"]
            assert "closed" not in bars.told
        assert bars.told.count("closed") == 1


@pytest.mark.parametrize("quiet", [True, False])
def test_nothing_is_drawn_on_a_dumb_terminal_or_quietly(bars, quiet, monkeypatch):
    monkeypatch.setenv("TERM", "xterm" if quiet else "dumb")
    with click.Context(click.Command("run")) as context:
        context.meta["spikeport.level"] = logging.ERROR if quiet else logging.DEBUG
        with progress_bar("run") as update:
            update(1, 2)
    assert bars.told == []
