"""A Firefox that tests press keys and drag pointers in, by WebDriver BiDi, which needs no driver beside it."""

import base64
import json
import os
import subprocess
import time
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from tests.browser_page import WAIT, BrowserPage, written_by
from tests.needs import firefox_path

SHIFT, CTRL = "\ue008", "\ue009"
KEYS = {  # as WebDriver numbers them
    "End": "\ue010",
    "Home": "\ue011",
    "ArrowLeft": "\ue012",
    "ArrowUp": "\ue013",
    "ArrowRight": "\ue014",
    "ArrowDown": "\ue015",
    "Delete": "\ue017",
}
PREFERENCES = {
    "browser.download.folderList": 2,
    "browser.download.always_ask_before_handling_new_types": False,
    "browser.download.alwaysOpenPanel": False,
    "browser.helperApps.neverAsk.saveToDisk": "text/plain",
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
    "remote.active-protocols": 1,
    "webgl.force-enabled": True,  # drawn by software
}


class Page(BrowserPage):
    """One tab, with the methods of `chromium.Page` that both browsers have.

    Args:
        socket: of the browser.
    """

    def __init__(self, socket):
        self._socket, self._numbers, self.said = socket, count(1), []
        self.call("session.new", capabilities={})
        self.call("session.subscribe", events=["log.entryAdded"])
        self._tab = self.call("browsingContext.getTree")["contexts"][0]["context"]

    def call(self, method: str, **parameters) -> dict:
        """A command's result; what the page says on its console in the meantime goes to `said`."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("method") == "log.entryAdded":
                self.said.append(json.dumps(answer["params"]))
            if answer.get("id") == number:
                assert answer["type"] == "success", (method, answer)
                return answer["result"]

    def evaluate(self, script: str):
        """The value of an expression in the page; promises are awaited."""
        text = f"(async () => JSON.stringify({{ value: await ({script}) }}))()"
        done = self.call("script.evaluate", expression=text, target={"context": self._tab}, awaitPromise=True)
        assert done["type"] == "success", done
        return json.loads(done["result"]["value"]).get("value")

    def open(self, path: Path, width: int = 1000, height: int = 760) -> None:
        """Open a page and wait until it is ready."""
        self.call("browsingContext.setViewport", context=self._tab, viewport={"width": width, "height": height})
        self.call("browsingContext.navigate", context=self._tab, url=path.as_uri(), wait="complete")
        deadline = time.monotonic() + WAIT
        while self.evaluate("document.body.dataset.state") not in ("ready", "failed"):
            assert time.monotonic() < deadline, f"{path} does not open: {self.said}"
            time.sleep(0.05)

    def press(self, key: str, code: str = "", modifiers: int = 0) -> None:
        """Press a key; modifiers as `chromium.Page.press` has them: 2 Ctrl, 8 Shift."""
        held = [name for bit, name in ((2, CTRL), (8, SHIFT)) if modifiers & bit]
        order = [*held, KEYS.get(key, key)]
        steps = [{"type": "keyDown", "value": name} for name in order]
        steps += [{"type": "keyUp", "value": name} for name in reversed(order)]
        self._act({"type": "key", "id": "keys", "actions": steps})

    def drag(self, *places: tuple[float, float]) -> None:
        """Press the mouse at the first place, move it over the others (in the window at most), let it go."""
        last = self.evaluate("innerWidth") - 1
        moves = [{"type": "pointerMove", "x": min(round(x), last), "y": round(y)} for x, y in places]
        button = {"button": 0}
        steps = [moves[0], {"type": "pointerDown", **button}, *moves[1:], {"type": "pointerUp", **button}]
        self._act({"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": steps})

    def screenshot(self, path: Path) -> None:
        """Write what is seen as PNG."""
        path.write_bytes(base64.b64decode(self.call("browsingContext.captureScreenshot", context=self._tab)["data"]))

    def _act(self, source: dict) -> None:
        self.call("input.performActions", context=self._tab, actions=[source])
        self.settle()


@contextmanager
def screen():
    """A screen that nobody sees, by its name: a headless Firefox has no WebGL without a graphics card."""
    # the server takes a number that is free and writes it
    command = ["Xvfb", "-displayfd", "1", "-screen", "0", "1280x1024x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        number = server.stdout.readline().decode().strip()
        assert number, "Xvfb does not start"
        yield f":{number}"
    finally:
        server.terminate()
        server.wait(timeout=WAIT)


@contextmanager
def firefox(folder: Path):
    """A Firefox on a screen of its own, with a profile and downloads in a folder; gives its page."""
    with screen() as display:
        yield from _firefox(folder, {**os.environ, "DISPLAY": display, "LIBGL_ALWAYS_SOFTWARE": "1"})


def _firefox(folder: Path, environment: dict):
    import websocket

    profile = folder / "firefox"
    profile.mkdir()
    preferences = {**PREFERENCES, "browser.download.dir": str(folder / "downloads")}
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items()]
    (profile / "user.js").write_text("".join(lines))
    command = [firefox_path(), "--no-remote", "--remote-debugging-port", "0", "--profile", str(profile)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    try:
        facts = json.loads(written_by(profile / "WebDriverBiDiServer.json", process, "Firefox"))
        address = f"ws://{facts['ws_host']}:{facts['ws_port']}/session"
        socket = websocket.create_connection(address, timeout=WAIT, suppress_origin=True)
        yield Page(socket)
        socket.close()
    finally:
        process.terminate()
        process.wait(timeout=WAIT)
