"""Lists of names, completions, and the look at paths that every command begins with."""

from enum import Enum

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from hwsim.errors import FileError, SpikeportError, UnsupportedError
from hwsim.options import (
    FILE,
    FOLDER,
    WRITTEN,
    chip_option,
    choices,
    command,
    completing,
    names,
    out_option,
)


class Colour(Enum):
    RED = "red"
    GREEN = "green"
    BLUE = "blue"


@given(st.lists(st.sampled_from(["red", "green", "blue", " red ", "", " "]), max_size=7))
def test_each_member_that_is_asked_for_is_given_once_in_the_order_of_asking(parts):
    wanted = []
    for part in parts:
        if part.strip() and Colour(part.strip()) not in wanted:
            wanted.append(Colour(part.strip()))
    if wanted:
        assert choices(Colour, ",".join(parts), "colour") == tuple(wanted)
        assert set(names(",".join(parts))) == {member.value for member in wanted}
    else:
        with pytest.raises(UnsupportedError):
            choices(Colour, ",".join(parts), "colour")
        with pytest.raises(click.BadParameter, match="names nothing; give A,B, or leave it out"):
            names(",".join(parts))


def test_everything_unknown_is_named_with_what_was_meant():
    with pytest.raises(UnsupportedError, match="there is no colour 'gren', 'x'") as caught:
        choices(Colour, "red,gren,x", "colour")
    assert caught.value.hint == "did you mean 'green'? known: red, green, blue"
    with pytest.raises(UnsupportedError, match="there is no colour ' , '"):
        choices(Colour, " , ", "colour")


def test_names_are_left_as_they_are_written_and_none_stays_none():
    assert names(None) is None
    assert names(" b, a ,b") == ("b", "a", "b")


def offered(found, *, several, incomplete):
    """Return what is completed, and as what, where ``found`` are the names that there are."""
    items = completing(lambda _: found, several=several)(None, None, incomplete)
    return [(item.value, item.type) for item in items]


@pytest.mark.parametrize(
    ("several", "incomplete", "wanted"),
    [
        (False, "lo", ["loihi1", "loihi2"]),
        (False, "loihi1", ["loihi1"]),
        (True, "own,lo", ["own,loihi1", "own,loihi2"]),
        (True, "a,b,o", ["a,b,own"]),
        (True, "own,", ["own,loihi1", "own,loihi2", "own,own"]),
        (True, "o", ["own"]),
    ],
)
def test_the_last_name_of_a_list_is_completed_and_the_others_stay(several, incomplete, wanted):
    found = offered(["loihi1", "loihi2", "own"], several=several, incomplete=incomplete)
    assert found == [(name, "plain") for name in wanted]


@pytest.mark.parametrize(
    ("several", "incomplete"), [(False, "own,lo"), (True, "own,x"), (False, "x")]
)
def test_where_no_name_begins_so_files_are_offered_for_all_of_it(several, incomplete):
    found = offered(["loihi1", "own"], several=several, incomplete=incomplete)
    assert found == [(incomplete, "file")]


def test_names_that_cannot_be_found_are_not_an_error_of_completion():
    def broken(_):
        raise SpikeportError("damaged", hint="")

    (item,) = completing(broken)(None, None, "lo")
    assert (item.value, item.type) == ("lo", "file")


def copying():
    """Return a command of two files that it reads and a file and a folder that it writes."""

    @command("copy a b", "copy c d", name="copy")
    @click.argument("first", type=FILE)
    @click.option("--second", type=FILE)
    @click.option("--to", type=WRITTEN)
    @click.option("--into", type=FOLDER)
    def copy(**paths):
        click.echo("copied")

    return copy


def called(*arguments):
    return CliRunner().invoke(copying(), list(map(str, arguments)))


def test_the_help_ends_with_the_examples_a_line_each():
    lines = called("--help").stdout.rstrip().splitlines()
    assert [line.strip() for line in lines[-3:]] == [
        "Examples:", "spikeport copy a b", "spikeport copy c d"
    ]  # fmt: skip
    assert "--quiet" in "".join(lines)


def test_one_file_may_be_read_twice_but_not_written_whatever_it_is_called(tmp_path):
    (tmp_path / "a").write_text("")
    other = tmp_path / "x" / ".." / "a"
    assert called(tmp_path / "a", "--second", other).stdout == "copied\n"
    refused = called(tmp_path / "a", "--to", other)
    assert refused.exit_code == 2
    assert f"{other} is given as 'FIRST' and '--to'" in refused.stderr
    refused = called("a", "--to", tmp_path / "b", "--into", tmp_path / "b")
    assert "is given as '--to' and '--into'" in refused.stderr


def test_what_cannot_be_written_is_refused_before_the_command_runs(tmp_path):
    (tmp_path / "file").write_text("")
    for arguments in (("--to", tmp_path), ("--into", tmp_path / "file")):
        result = called("a", *arguments)
        assert isinstance(result.exception, FileError)
        assert result.stdout == ""
    assert called("a", "--to", tmp_path / "new", "--into", tmp_path).stdout == "copied\n"


@pytest.mark.parametrize(
    ("metavar", "default", "kind", "said"),
    [
        ("DIR", None, FOLDER, "Folder to write."),
        ("FILE", None, WRITTEN, "File to write."),
        ("FILE", "a.txt", WRITTEN, "File to write."),
    ],
)
def test_where_to_write_must_be_said_unless_there_is_a_default(metavar, default, kind, said):
    @click.command()
    @out_option(metavar, default=default)
    def write(**_):
        pass

    (option,) = write.params
    assert option.required == (default is None)
    assert (option.type, option.help) == (kind, said)
    assert (option.default and str(option.default)) == default


def test_a_chip_goes_by_its_name_in_the_command():
    @click.command()
    @chip_option("The chip.", default="loihi2")
    def use(chip_name):
        click.echo(chip_name)

    assert CliRunner().invoke(use, []).stdout == "loihi2\n"
    assert CliRunner().invoke(use, ["--chip", "own.toml"]).stdout == "own.toml\n"
    assert "[default: loihi2]" in CliRunner().invoke(use, ["--help"]).stdout


def test_a_device_may_be_written_by_several_options_and_by_others_than_root(monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)  # as nobody but root may write in /dev
    assert called("/dev/null", "--to", "/dev/null").stdout == "copied\n"
