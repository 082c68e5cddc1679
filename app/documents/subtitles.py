"""Subtitles (srt, vtt): what is said as paragraphs, each with the time at which it begins."""

from __future__ import annotations

import re

from app.documents.document import Document
from app.documents.file_input import FileInput
from app.documents.repair import clean
from app.documents.text import decode
from app.say.errors import NotText

_TIME = re.compile(r"(?:(\d{1,3}):)?(\d\d):(\d\d)[.,](\d{1,3})\s*-->\s*(?:(\d{1,3}):)?(\d\d):(\d\d)[.,](\d{1,3})")
_TAG = re.compile(r"</?[^<>]{1,80}>|\{\\[^{}]{1,80}\}")
_SPEAKER = re.compile(r"<v(?:\.[^ >]*)? ([^>]{1,60})>")
_PAUSE, _LONG = 3.0, 500  # seconds without a word, and characters, after which a paragraph ends


def read_subtitles(data: bytes, job: FileInput) -> Document:
    """One page. Numbers, styles and comments are left out; words that are said once more in the next cue stand once."""
    text, notes = decode(data, job.name, chosen=job.read_as.encoding)
    paragraphs: list[str] = []
    end, last = 0.0, ""
    for cue in re.split(r"\n[ \t]*\n", text):
        lines = cue.strip().split("\n")
        at = next((index for index, line in enumerate(lines) if _TIME.search(line)), None)
        if at is None:
            continue
        times = _TIME.search(lines[at])
        assert times is not None
        begin, stop = _seconds(*times.groups()[:4]), _seconds(*times.groups()[4:])
        spoken = "\n".join(line for line in lines[at + 1 :] if line.strip() != last)
        said = " ".join(_TAG.sub("", _SPEAKER.sub(r"\1: ", spoken)).split())
        if not said or said == last:
            continue
        last = lines[-1].strip()
        if not paragraphs or begin - end > _PAUSE or len(paragraphs[-1]) > _LONG or said.startswith(("-", "–")):
            paragraphs.append(f"[{int(begin) // 3600:02}:{int(begin) // 60 % 60:02}:{int(begin) % 60:02}] {said}")
        else:
            paragraphs[-1] += f" {said}"
        end = stop
    if not paragraphs:
        raise NotText("{} is named like subtitles but has none with a time. Save it as plain text (UTF-8).", job.name)
    return Document(job.name, clean(["\n\n".join(paragraphs)], [None]), notes)


def _seconds(hours: str | None, minutes: str, seconds: str, parts: str) -> float:
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + int(parts.ljust(3, "0")) / 1000
