"""The browsers that tests open pages in."""

import pytest

from tests.chromium import chromium
from tests.firefox import firefox

BROWSERS = {"chromium": chromium, "firefox": firefox}
CHROMIUM = pytest.param("chromium", marks=pytest.mark.needs("browser"))
EACH = [CHROMIUM, pytest.param("firefox", marks=pytest.mark.needs("firefox"))]
