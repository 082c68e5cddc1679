"""What is said of a search."""

from app.project.search import MOST, Found, Hit
from app.say.wording import Wording
from app.web.components.source_search import found_message

HIT = Hit("f", "log.txt", 3, 2, 6, "A ", "LAMP", " burned")


def test_places_are_named_and_counted() -> None:
    assert found_message("lamp", Found((HIT,), 1)) == {
        "query": "lamp",
        "said": "1 place",
        "hits": [
            {
                "file": "f", "page": 3, "start": 2, "end": 6, "place": "log.txt, page 3",
                "snippet": ["A ", "LAMP", " burned"],
            }
        ],
    }  # fmt: skip
    assert found_message("lamp", Found((HIT,) * MOST, 1234))["said"].startswith("The first 50 of 1,234 places.")
    assert found_message("lamp", Found((), 0))["said"].startswith("Not found")
    assert found_message(" ", Found((), 0))["said"] == ""
    assert found_message("灯", Found((HIT,) * MOST, 60), Wording("ja"))["said"].startswith(
        "60 か所のうち最初の 50 か所"
    )
