"""How the list of runs names each."""

import pytest

from app.runs.library import RunEntry
from app.say.wording import ENGLISH
from app.web.page.evidence import _titled


@pytest.mark.parametrize(
    ("method", "compared", "named"),
    [
        ("Exact", "", "Full attention, faster"),
        ("FullAttention", "", "Full attention"),
        ("KeyIndex", "", "KeyIndex"),
        ("RefreshKV", "Small cache, never refreshed", "Small cache, never refreshed"),
        ("Gone {0}", "", "Gone {0}"),  # in a trace of another version
    ],
)
def test_a_run_is_listed_by_what_the_form_calls_its_method(method: str, compared: str, named: str) -> None:
    entry = RunEntry("run-1", 1, 0.0, method, "finished", compared=compared)
    assert _titled(entry, ENGLISH).split(" · ")[1] == named
