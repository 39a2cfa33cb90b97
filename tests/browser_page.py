"""What tests do with a page alike in every browser."""

import subprocess
import time
from pathlib import Path

WAIT = 60  # s


class BrowserPage:
    """One tab; each browser has its own `evaluate` and `drag`."""

    def evaluate(self, script: str):
        """The value of an expression in the page; promises are awaited."""
        raise NotImplementedError

    def drag(self, *places: tuple[float, float]) -> None:
        """Press the mouse at the first place, move it over the others, let it go."""
        raise NotImplementedError

    def settle(self) -> None:
        """Wait for the pictures that follow what was done."""
        self.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")

    def place(self, selector: str) -> dict:
        """x, y, width, height of an element in pixels."""
        return self.evaluate(f"document.querySelector({selector!r}).getBoundingClientRect().toJSON()")

    def click(self, selector: str) -> None:
        """Click the middle of an element."""
        box = self.place(selector)
        self.drag((box["x"] + box["width"] / 2, box["y"] + box["height"] / 2))


def written_by(path: Path, process: subprocess.Popen, name: str) -> str:
    """What a browser called `name` writes to a file when it listens."""
    deadline = time.monotonic() + WAIT
    while not (path.exists() and path.read_text().strip()):
        assert process.poll() is None and time.monotonic() < deadline, f"{name} does not start"
        time.sleep(0.05)
    return path.read_text()
