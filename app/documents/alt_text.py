"""What stands for a picture in a text: its description, if that says something."""

from __future__ import annotations

import re

from bs4 import Tag

_FILE = re.compile(
    r".+\.(?:png|jpe?g|gif|svg|webp|bmp|tiff?|emf|wmf)|(?:img|image|dsc|picture|pasted)[ _-]*\d+", re.IGNORECASE
)
_GENERIC = re.compile(
    r"(?:.{0,30}\b)?(?:logo|icon|avatar|spacer|thumbnail|banner|advert(?:isement)?)s?\b.{0,20}"
    r"|(?:an? |the )?(?:image|photo|picture|cover|figure|illustration|graphic|diagram|screenshot)(?: \d+| of)?",
    re.IGNORECASE,
)
_IDEOGRAPHS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]{4}")
_FORMULA = re.compile(r"math|tex|equation|formula", re.IGNORECASE)
_LONGEST_SIGN = 2


def picture_text(image: Tag) -> str:
    """What to write for an image: a letter or a formula as itself, a description in brackets, else nothing."""
    text = str(image.get("alt", "") or image.get("aria-label", ""))
    if _FORMULA.search(" ".join(map(str, (image.get("class", ""), image.get("role", ""))))) and text.strip():
        return " ".join(text.split())
    if image.get("role") == "presentation":
        return ""
    described = description(text)
    parent = image.find_parent("figure")
    caption = parent.find("figcaption") if isinstance(parent, Tag) else None
    if isinstance(caption, Tag) and described.strip("[]").rstrip(".") in " ".join(caption.get_text().split()):
        return ""  # said below it
    return described


def description(text: str) -> str:
    """A picture's description as it stands in a text: "[A boat leaves the quay.]"; "" if it says nothing.

    A letter or a sign, such as an initial or an emoji, stands for itself.
    """
    text = " ".join(text.split())
    if len(text) <= _LONGEST_SIGN:
        return text
    if _FILE.fullmatch(text) or _GENERIC.fullmatch(text):
        return ""
    return f"[{text}]" if " " in text or _IDEOGRAPHS.search(text) else ""
