"""What a run starts from is kept beside it, so that it goes on without the file."""

import json

import pytest
import torch

from hwsim.errors import CheckError, FileError
from snntrain import fit
from snntrain.start import NAME, Start, keep, kept


class Killed(Exception):
    pass


def killed_at(update):
    def log(entry):
        if entry.update == update:
            raise Killed

    return [log]


@pytest.fixture
def start(trained):
    return Start(trained.state, "5" * 64, {"init.accuracy": 0.5})


@pytest.mark.parametrize("update", [1, 5])  # before the first state is saved, and after
def test_a_killed_run_goes_on_from_what_it_began_with_and_not_from_the_file(
    tiny, start, tmp_path, update
):
    whole = fit(tiny, init=start)
    with pytest.raises(Killed):
        fit(tiny, init=start, out=tmp_path, log=killed_at(update))
    assert fit(tiny, out=tmp_path, resume=True).to_bytes() == whole.to_bytes()


def test_the_checkpoint_says_what_was_known_of_the_start(tiny, start):
    assert fit(tiny, init=start).metrics["init.accuracy"] == 0.5


def test_a_new_run_without_a_start_forgets_that_of_the_run_before(tiny, start, trained, tmp_path):
    fit(tiny, init=start, out=tmp_path)
    with pytest.raises(Killed):
        fit(tiny, out=tmp_path, log=killed_at(1))
    assert fit(tiny, out=tmp_path, resume=True).to_bytes() == trained.to_bytes()


def test_what_is_kept_is_read_again(start, tmp_path):
    keep(tmp_path, start)
    again = kept(tmp_path)
    assert again is not None
    assert (again.sha256, again.metrics) == (start.sha256, start.metrics)
    assert again.state.keys() == start.state.keys()
    assert all(torch.equal(again.state[name], start.state[name]) for name in start.state)
    keep(tmp_path, None)
    assert kept(tmp_path) is None


def test_weights_of_another_network_do_not_fill_this_one(tiny, start):
    module = tiny.build()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    with pytest.raises(CheckError, match=r"dense1\.weight is missing"):
        Start({n: t for n, t in start.state.items() if n != "dense1.weight"}, "").fill(module)
    assert all(torch.equal(before[n], t) for n, t in module.state_dict().items())


def test_a_damaged_start_is_refused_by_name(tiny, start, tmp_path):
    keep(tmp_path, start)
    content = (tmp_path / NAME).read_bytes()
    (tmp_path / NAME).write_bytes(content[:-5])
    with pytest.raises(FileError, match=f"{NAME}: is truncated"):
        fit(tiny, out=tmp_path, resume=True)
    named = json.dumps("sha256").encode()
    (tmp_path / NAME).write_bytes(content.replace(named, named.replace(b"2", b"3"), 1))
    with pytest.raises(FileError, match="it has no sha256"):
        kept(tmp_path)
