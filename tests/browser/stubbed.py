"""The app as `python app.py` starts it, with the stub for the engine."""

import runpy

import app.engine.engine
from tests.browser.process import ROOT
from tests.browser.stub import StubEngine

if __name__ == "__main__":
    app.engine.engine.Engine = lambda *_, **__: StubEngine()  # type: ignore[misc, assignment]
    runpy.run_path(str(ROOT / "app.py"), run_name="__main__")
