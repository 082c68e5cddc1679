import pytest

from benchmarks.protocol import Setup


@pytest.fixture
def setup() -> Setup:
    return Setup(
        folder="",
        gguf="",
        gguf_bytes=0,
        cache_values=0,
        compute_dtype="float32",
        threads=1,
        prompt=[10, 20, 30, 40],
        new_tokens=41,
        options={},
    )
