"""The app as `python app.py` starts it, with the stub for the engine."""

import runpy

import app.engine.engine
from tests.browser.process import ROOT
from tests.browser.stub import StubEngine

if __name__ == "__main__":

    def stub(_: object, queue_size: int, *__: object, runs_each: int | None = None, **___: object) -> StubEngine:
        """An engine with the app's queue."""
        return StubEngine(queue_size, runs_each=runs_each)

    app.engine.engine.Engine = stub  # type: ignore[misc, assignment]
    runpy.run_path(str(ROOT / "app.py"), run_name="__main__")
