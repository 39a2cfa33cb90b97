"""The shipped head, and how it lies in files."""

import pytest

from sedtalker_cli.face.head import load_head


@pytest.fixture(scope="module")
def anna():
    return load_head("anna")
