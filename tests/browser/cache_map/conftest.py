"""The map's page, launched once for a file of tests."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.cache_map.site import Site, open_page
from tests.browser.tabs import Tabs


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
def page(site: Site, tabs: Tabs) -> Iterator[Any]:
    with open_page(site, tabs) as page:
        yield page
