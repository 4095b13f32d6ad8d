"""The browser, or a skip that names what is missing."""

import pytest
from browser.axe import fetch_axe
from browser.chromium import NAMES, VARIABLE, Chromium, find_chromium


@pytest.fixture
def chromium(tmp_path) -> Chromium:
    program = find_chromium()
    if program is None:
        pytest.skip(f"none of {', '.join(NAMES)} is on the path, and {VARIABLE} names no browser")
    return Chromium(program, tmp_path)


@pytest.fixture(scope="session")
def axe(tmp_path_factory) -> str:
    try:
        return fetch_axe(tmp_path_factory.mktemp("axe"))
    except OSError as error:
        pytest.skip(str(error))
