"""What the page's scripts call by name is called so on the page."""

import re
from inspect import signature

from app.methods import all_parameters
from app.say.catalogue import catalogues
from app.settings import ASSETS
from app.web.api.endpoints import Tools
from app.web.api.parameters import others
from app.web.page.labels import LABELS

KEYS = re.compile(r"(?:Ctrl|Esc)[+\w]*", re.ASCII)
NAMED = re.compile("“([^”$]+)”|「([^」$]+)」")


def test_a_parameter_of_a_method_has_no_name_that_something_else_has() -> None:
    """Exact drafts tokens; a draft is a person's text."""
    assert {name: LABELS[name] for name in all_parameters()} == {
        name: parameter.label for name, parameter in all_parameters().items()
    }
    for tool in (Tools.write, Tools.compare, Tools.check_budget):
        assert {*all_parameters()} <= {*signature(tool).parameters}
        assert {*others(tool)} >= {*all_parameters()} - {"budget", "stride", "threshold"}


def test_what_scripts_name_in_quotes_is_a_label() -> None:
    japanese = catalogues()["ja"]
    labels = {*LABELS.values(), *(japanese.pattern(english, key) for key, english in LABELS.items())}
    named = {
        name
        for path in ASSETS.glob("*/text.js")
        for names in NAMED.findall(path.read_text("utf-8"))
        for name in names
        if name
    }
    assert "How the model writes" in named
    assert named <= labels


def test_the_keys_are_named_in_every_language() -> None:
    japanese = catalogues()["ja"].pattern(LABELS["keys"], "keys")
    assert KEYS.findall(japanese) == KEYS.findall(LABELS["keys"])
