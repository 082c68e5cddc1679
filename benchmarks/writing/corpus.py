"""The documents: manuals from Debian's packages, fetched when they are needed."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .plain import chapters
from .support import Source


@dataclass(frozen=True)
class Case:
    """Documents that a text is written about: (package, path within it) of each, and a question about them."""

    name: str
    files: tuple[tuple[str, str], ...]
    question: str
    japanese: bool = False


_R = "usr/share/R/doc/manual"
_POLICY = "usr/share/doc/debian-policy"
_REFERENCE = "usr/share/developers-reference"
_EXTS, _INTRO = ("r-doc-pdf", f"{_R}/R-exts.pdf"), ("r-doc-pdf", f"{_R}/R-intro.pdf")
_FAQ = ("debian-faq", "usr/share/doc/debian/FAQ/debian-faq.en.txt.gz")

CASES = (
    Case("R-exts", (_EXTS,), "How does a package call compiled code from R?"),
    Case("R-intro", (_INTRO,), "How are data frames made and used?"),
    Case("R-lang", (("r-doc-pdf", f"{_R}/R-lang.pdf"),), "How are the arguments of a function matched and evaluated?"),
    Case("R-data", (("r-doc-pdf", f"{_R}/R-data.pdf"),), "How are spreadsheets and databases read?"),
    Case("policy-pdf", (("debian-policy", f"{_POLICY}/policy.pdf.gz"),), "What do maintainer scripts have to do?"),
    Case(
        "reference-epub",
        (("developers-reference", f"{_REFERENCE}/developers-reference.epub"),),
        "How does somebody take over an orphaned package?",
    ),
    Case("fhs-html", (("debian-policy", f"{_POLICY}/fhs/fhs-3.0.html"),), "What belongs in /var and what in /usr?"),
    Case(
        "maint-guide-txt",
        (("maint-guide", "usr/share/doc/maint-guide/maint-guide.en.txt.gz"),),
        "Which files does the debian directory need?",
    ),
    Case(
        "git-manual-html", (("git-doc", "usr/share/doc/git-doc/user-manual.html"),), "How are merge conflicts resolved?"
    ),
    Case("three", (_INTRO, ("r-doc-pdf", f"{_R}/R-FAQ.pdf"), _FAQ), "How are R and Debian packages installed?"),
    Case(
        "reference-ja",
        (("developers-reference-ja", f"{_REFERENCE}/ja/developers-reference.pdf"),),
        "パッケージを引き取るにはどうすればよいですか。",
        japanese=True,
    ),
)
QUICK = ("R-exts", "reference-epub", "maint-guide-txt")
FOREIGN = {
    False: tuple(dict.fromkeys(file for case in CASES if not case.japanese for file in case.files)),
    True: (("debian-reference-ja", "usr/share/debian-reference/debian-reference.ja.pdf"),),
}
"""Files whose sentences must fail against other documents, by whether they are Japanese."""


class Library:
    """Fetches documents, and keeps them in a folder."""

    def __init__(self, folder: Path) -> None:
        """What lies in `folder` is not fetched again."""
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def files(self, case: Case) -> list[Path]:
        """The documents of a case. Exits with a message if they can't be had."""
        return [self.file(package, inside) for package, inside in case.files]

    def source(self, case: Case) -> Source:
        """What the checker knows of them."""
        return Source([chapter for path in self.files(case) for chapter in chapters(path)])

    def file(self, package: str, inside: str) -> Path:
        """A file of a package, unpacked if it is compressed."""
        path = self._folder / Path(inside.removesuffix(".gz")).name
        if package.endswith("-ja"):
            path = path.with_name(f"{path.stem}-ja{path.suffix}")
        if not path.exists():
            with tempfile.TemporaryDirectory(dir=self._folder) as scratch:
                found = unpacked(package, Path(scratch)) / inside
                if not found.is_file():
                    raise SystemExit(f"The package {package} has no file {inside} here.")
                data = found.read_bytes()
                part = Path(scratch) / path.name
                part.write_bytes(gzip.decompress(data) if inside.endswith(".gz") else data)
                part.replace(path)
        return path


def unpacked(package: str, scratch: Path) -> Path:
    """The files of a Debian package, fetched into `scratch`. Exits with a message if it can't be had."""
    for tool in ("apt-get", "dpkg-deb"):
        if not shutil.which(tool):
            raise SystemExit(
                f"The documents come from Debian packages, and {tool} is not here. Run this on Debian or Ubuntu."
            )
    got = subprocess.run(["apt-get", "download", "-qq", package], cwd=scratch, capture_output=True, text=True)
    archives = list(scratch.glob("*.deb"))
    if got.returncode or not archives:
        raise SystemExit(f"apt-get download {package} failed; apt-get update may help.\n{got.stderr.strip()}")
    subprocess.run(["dpkg-deb", "-x", str(archives[0]), str(scratch / "root")], check=True)
    return scratch / "root"
