"""The process in which files are parsed."""

import numpy as np

from snnexport.formats import sandbox


def test_it_finds_modules_where_its_parent_does(tmp_path, monkeypatch):
    text = "import numpy\ndef packed(content):\n    return {'size': numpy.array(len(content))}\n"
    (tmp_path / "only_here.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    answer = sandbox.parsed(tmp_path / "a.nir", b"12345", "only_here", hint="none")
    assert {name: value.tolist() for name, value in answer.items()} == {"size": 5}
    assert isinstance(answer["size"], np.ndarray)
