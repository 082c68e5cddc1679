"""Starts the app: `python app.py`, and the entry of a Hugging Face Space."""

from app.document_cache import document_cache
from app.engine import Engine, named_model
from app.handlers import Handlers
from app.settings import load_settings
from app.ui import build, launch_options
from core import compile_decoding


def main() -> None:
    """Build the page and serve it; the model loads meanwhile."""
    settings = load_settings()
    model = named_model(settings.model, settings.quantization or "none")
    engine = Engine(model, settings.queue_size, document_cache(settings), compile_decoding)
    engine.start()
    try:
        build(settings, Handlers(settings, engine)).queue().launch(**launch_options(settings))
    finally:
        engine.close()


if __name__ == "__main__":
    main()
