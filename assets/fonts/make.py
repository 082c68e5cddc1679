"""Makes NotoEmoji-Regular.ttf of what Google Fonts gives out: `python assets/fonts/make.py` (needs npm and fonttools).

The version is fixed, so that the same font gives the same file. Left out are the tables for vertical text, and the
private-use characters, which mean something else in every other text. The ligatures of sequences (families, flags,
skin tones, keycaps) stay; what they leave of a sequence, selectors without a shape, goes, so that a sequence is one
glyph and the text of a PDF has it once.
"""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

from fontTools.otlLib.builder import buildLookup, buildMultipleSubstSubtable
from fontTools.ttLib import TTFont

HERE = Path(__file__).parent
PACKAGE, VERSION = "@expo-google-fonts/noto-emoji", "0.4.7"  # npm
FONT, LICENCE = "package/400Regular/NotoEmoji_400Regular.ttf", "package/LICENSE_FONT"
VERTICAL = ("vhea", "vmtx")
SELECTOR = 0xFE0F


def unpack(folder: Path) -> None:
    """The package's files, in `folder`."""
    subprocess.run(["npm", "pack", f"{PACKAGE}@{VERSION}", "--silent"], cwd=folder, check=True, capture_output=True)
    (archive,) = folder.glob("*.tgz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")


def is_private(code: int) -> bool:
    """Whether Unicode gives this code point no meaning and never will."""
    return 0xE000 <= code <= 0xF8FF or code >= 0xF0000


def reduce(font: TTFont) -> None:
    """Take out what no PDF made here needs."""
    for name in VERTICAL:
        del font[name]
    for table in font["cmap"].tables:
        table.cmap = {code: glyph for code, glyph in table.cmap.items() if not is_private(code)}


def drop_selectors(font: TTFont) -> None:
    """Replace the selector by nothing, after all other substitutions."""
    gsub = font["GSUB"].table
    nothing = buildMultipleSubstSubtable({font.getBestCmap()[SELECTOR]: []})
    gsub.LookupList.Lookup.append(buildLookup([nothing]))
    (feature,) = gsub.FeatureList.FeatureRecord
    feature.Feature.LookupListIndex.append(len(gsub.LookupList.Lookup) - 1)


if __name__ == "__main__":
    with TemporaryDirectory() as scratch:
        unpack(Path(scratch))
        with TTFont(Path(scratch, FONT), recalcTimestamp=False) as font:
            reduce(font)
            drop_selectors(font)
            font.save(HERE / "NotoEmoji-Regular.ttf")
        (HERE / "LICENSE-NotoEmoji").write_bytes(Path(scratch, LICENCE).read_bytes())
