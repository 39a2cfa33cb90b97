"""A Chromium that tests press keys and drag pointers in, by its DevTools protocol."""

import base64
import json
import subprocess
import time
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from tests.browser_page import WAIT, BrowserPage, written_by
from tests.needs import browser


class Page(BrowserPage):
    """One tab.

    Args:
        socket: of the tab's DevTools.
    """

    def __init__(self, socket):
        self._socket, self._numbers, self.said = socket, count(1), []
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters) -> dict:
        """A command's result; what the page says on its console in the meantime goes to `said`."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled"):
                self.said.append(json.dumps(answer["params"]))
            if answer.get("id") == number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]

    def evaluate(self, script: str):
        """The value of an expression in the page; promises are awaited."""
        done = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def open(self, path: Path, width: int = 1000, height: int = 760) -> None:
        """Open a page and wait until it is ready."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Page.navigate", url=path.as_uri())
        deadline = time.monotonic() + WAIT
        while self.evaluate("document.body && document.body.dataset.state") not in ("ready", "failed"):
            assert time.monotonic() < deadline, f"{path} does not open: {self.said}"
            time.sleep(0.05)

    def press(self, key: str, code: str = "", modifiers: int = 0) -> None:
        """Press a key; modifiers as the protocol's: 2 Ctrl, 8 Shift."""
        text = {"text": key} if len(key) == 1 and not modifiers else {}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=code or key, modifiers=modifiers, **text)
        self.settle()

    def drag(self, *places: tuple[float, float]) -> None:
        """Press the mouse at the first place, move it over the others, let it go."""
        (x, y), *_ = places
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        self.call("Input.dispatchMouseEvent", type="mousePressed", x=x, y=y, button="left", buttons=1, clickCount=1)
        for x, y in places[1:]:
            self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y, button="left", buttons=1)
            self.settle()
        self.call("Input.dispatchMouseEvent", type="mouseReleased", x=x, y=y, button="left", clickCount=1)
        self.settle()

    def wheel(self, x: float, y: float, down: float) -> None:
        """Turn the wheel over a place."""
        self.call("Input.dispatchMouseEvent", type="mouseWheel", x=x, y=y, deltaX=0, deltaY=down)
        self.settle()

    def touch(self, *steps: list[tuple[float, float]]) -> None:
        """Put fingers down at the first step's places, move them over the others, lift them."""
        for number, step in enumerate(steps):
            points = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(step)]
            self.call("Input.dispatchTouchEvent", type="touchMove" if number else "touchStart", touchPoints=points)
        self.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
        self.settle()

    def screenshot(self, path: Path) -> None:
        """Write what is seen as PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))


@contextmanager
def chromium(folder: Path):
    """A headless Chromium with a profile and downloads in a folder; gives its page."""
    import websocket

    command = [
        *(browser(), "--headless=new", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
        *("--hide-scrollbars", "--remote-debugging-port=0", f"--user-data-dir={folder / 'profile'}", "about:blank"),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        port = written_by(folder / "profile/DevToolsActivePort", process, "Chromium").split()[0]
        from urllib.request import urlopen

        tabs = json.load(urlopen(f"http://127.0.0.1:{port}/json"))
        address = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
        socket = websocket.create_connection(address, timeout=WAIT, suppress_origin=True)
        page = Page(socket)
        page.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder / "downloads"))
        yield page
        socket.close()
    finally:
        process.terminate()
        process.wait(timeout=WAIT)
