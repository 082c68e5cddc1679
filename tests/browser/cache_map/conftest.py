"""The map's page, launched once for a file of tests."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.cache_map.site import Site, open_page


@pytest.fixture(scope="module")
def launched() -> Iterator[Site]:
    site = Site()
    yield site
    site.server.close()


@pytest.fixture
def site(launched: Site) -> Site:
    launched.asked, launched.feed, launched.cursor = [], None, None
    return launched


@pytest.fixture
def page(site: Site, browser: Any) -> Iterator[Any]:
    page = open_page(site, browser)
    yield page
    page.context.close()
