"""A test whose thing is not here is skipped, or fails where the thing is required."""

import pytest

from tests import needs


@pytest.fixture
def item(request, monkeypatch):
    monkeypatch.setitem(needs.MISSING, "browser", lambda: "no Chromium here")
    request.node.add_marker(pytest.mark.needs("browser"))
    return request.node


def test_without_it_a_test_is_skipped(item, monkeypatch):
    monkeypatch.delenv("SEDTALKER_REQUIRE", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no Chromium here"):
        needs.check(item)


def test_where_it_is_required_the_test_fails(item, monkeypatch):
    monkeypatch.setenv("SEDTALKER_REQUIRE", "opengl,browser")
    with pytest.raises(pytest.fail.Exception, match="required: no Chromium here"):
        needs.check(item)


def test_a_wrong_name_is_said(monkeypatch):
    monkeypatch.setenv("SEDTALKER_REQUIRE", "browser,sun")
    with pytest.raises(pytest.UsageError, match="sun"):
        needs.required()
