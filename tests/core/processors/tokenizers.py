"""Small tokenizers of the kinds that models have, trained on the spot."""

import json

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

TEXT = """The Debian Policy Manual describes packages. It was written in 1996 by Ian Jackson and others; version 4.7.0
followed in 2024. Packages in /usr/share/doc are listed in debian/control, see https://www.debian.org/doc/ or write to
debian-policy@lists.debian.org.

# Section 10.4: Scripts

1. R-exts and GNU/Linux are "Free Software". The maintainer's 1,000 packages don't use DEBHELPER_FLAGS, e.g. dh_make.
2. Größe, Ärger, naïve Élan; Москва и Санкт-Петербург (1703). 東京は2020年。 מסמך 12. 😀 1990s–2000s “Quoted” 'it'
- Never the word Xylophone: it is said (or not) at 10:30 on pages 10-34, 35, and 99%.
"""


def byte_level(text: str = TEXT, size: int = 420) -> PreTrainedTokenizerFast:
    """Byte-level BPE, as GPT-2 and the embedded model have it."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=["<end>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([text], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>")


def sentence_piece(text: str = TEXT, size: int = 400) -> PreTrainedTokenizerFast:
    """BPE over words that begin with U+2581, with a token for each byte, as llama and gemma have it."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    special = ["<unk>", "<end>"]
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=special, limit_alphabet=60, show_progress=False)
    tokenizer.train_from_iterator([text], trainer)
    state = json.loads(tokenizer.to_str())
    vocabulary = state["model"]["vocab"]
    vocabulary |= {f"<0x{byte:02X}>": len(vocabulary) + byte for byte in range(256)}
    whole = Tokenizer.from_str(json.dumps(state))
    return PreTrainedTokenizerFast(tokenizer_object=whole, eos_token="<end>", unk_token="<unk>")


def unigram(text: str = TEXT, size: int = 300) -> PreTrainedTokenizerFast:
    """Unigram pieces that begin with U+2581; what is not among their characters cannot be written."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=size, special_tokens=["<unk>", "<end>"], unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator([text], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>", unk_token="<unk>")
