"""A page in Debian's Chromium, driven through the browser's own debugging pipe: no driver, no port, no network."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium")
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--disable-dev-shm-usage", "--remote-debugging-pipe",
)  # fmt: skip
_KEYS = {
    "ArrowLeft": 37, "ArrowRight": 39, "ArrowUp": 38, "ArrowDown": 40, "Home": 36, "End": 35, "Escape": 27, "Tab": 9,
    "Enter": 13, " ": 32, "PageUp": 33, "PageDown": 34,
}  # fmt: skip


class Page:
    """One open page. `complaints` are its console's errors and what its policy refused."""

    def __init__(self, write: int, read: int) -> None:
        self._write, self._read = write, read
        self._rest = b""
        self._last = 0
        self._session: str | None = None
        self._loaded = False
        self.complaints: list[str] = []
        self.requests: list[str] = []

    def open(self, path: Path) -> None:
        """Show a file, until it has loaded."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self._loaded = False
        self.call("Page.navigate", url=path.resolve().as_uri())
        while not self._loaded:
            self._take(self._next())

    def reload(self) -> None:
        """Show the file as if it were opened now: the focus is nowhere yet."""
        self._loaded = False
        self.call("Page.reload")
        while not self._loaded:
            self._take(self._next())

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """A command of the debugging protocol, and its answer."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._last:
                assert "error" not in answer, (method, answer["error"])
                found: dict[str, Any] = answer["result"]
                return found
            self._take(answer)

    def js(self, expression: str) -> Any:
        """What an expression comes to in the page; promises are awaited."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True, userGesture=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def size(self, width: int, height: int = 900) -> None:
        """The window's size, in CSS pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )  # fmt: skip
        self.settle()

    def scheme(self, name: str) -> None:
        """What the system prefers: light or dark."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])
        self.settle()

    def settle(self) -> None:
        """Until what was asked for is drawn."""
        self.js(
            "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 50))))"
        )

    def scroll_through(self) -> None:
        """Show every part once: plots are drawn when they come near."""
        height = self.js("document.documentElement.scrollHeight")
        for top in range(0, int(height), 500):
            self.js(f"scrollTo(0, {top})")
            self.settle()
        self.js("scrollTo(0, 0)")
        self.settle()

    def press(self, key: str, *, shift: bool = False) -> None:
        """One key, down and up."""
        code = _KEYS.get(key, ord(key[0]))
        common = {"key": key, "windowsVirtualKeyCode": code, "modifiers": 8 if shift else 0}
        text = {"text": "\r" if key == "Enter" else key} if len(key) == 1 or key == "Enter" else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", **common, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)
        self.settle()

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press the pointer at one place, let it go at another."""
        self._pointer("mousePressed", *start)
        for part in range(1, 6):
            self._pointer("mouseMoved", start[0] + (end[0] - start[0]) * part / 5, end[1])
        self._pointer("mouseReleased", *end)
        self.settle()

    def click(self, place: tuple[float, float], times: int = 1) -> None:
        """Click there; two times is a double click."""
        for n in range(1, times + 1):
            self._pointer("mousePressed", *place, clicks=n)
            self._pointer("mouseReleased", *place, clicks=n)
        self.settle()

    def _pointer(self, kind: str, x: float, y: float, clicks: int = 1) -> None:
        held = 0 if kind == "mouseReleased" else 1
        self.call(
            "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=held, clickCount=clicks
        )

    def picture(self, path: Path, *, whole: bool = True) -> None:
        """A PNG of the page."""
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def _next(self) -> dict[str, Any]:
        ends = time.monotonic() + 60
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._read], [], [], max(0, ends - time.monotonic()))
            assert ready, "Chromium said nothing for a minute"
            came = os.read(self._read, 1 << 20)
            assert came, "Chromium has ended"
            self._rest += came
        message, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found

    def _take(self, event: dict[str, Any]) -> None:
        told = event.get("params", {})
        match event.get("method"):
            case "Page.loadEventFired":
                self._loaded = True
            case "Runtime.exceptionThrown":
                self.complaints.append(str(told["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if told["type"] in ("error", "warning", "assert"):
                self.complaints.append(str(told["args"]))
            case "Log.entryAdded" if told["entry"]["level"] in ("error", "warning"):
                self.complaints.append(told["entry"]["text"])
            case "Network.requestWillBeSent":
                self.requests.append(told["request"]["url"])


@contextmanager
def browser(path: Path) -> Iterator[Page]:
    """A file in a browser of its own, which ends with the block."""
    assert CHROMIUM is not None
    to_browser, from_browser = os.pipe(), os.pipe()
    with tempfile.TemporaryDirectory() as profile:
        # The browser reads descriptor 3 and writes descriptor 4.
        ran = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{to_browser[0]} 4>&{from_browser[1]}', "bash", CHROMIUM, *_FLAGS,
             f"--user-data-dir={profile}"],
            pass_fds=(to_browser[0], from_browser[1]), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_browser[0])
        os.close(from_browser[1])
        try:
            page = Page(to_browser[1], from_browser[0])
            page.open(path)
            yield page
            page._session = None
            page.call("Browser.close")
            ran.wait(20)
        finally:
            if ran.poll() is None:
                ran.kill()
                ran.wait()
            os.close(to_browser[1])
            os.close(from_browser[0])
            _wait_for_leftovers(profile)


def _wait_for_leftovers(profile: str) -> None:
    """Chromium's children write into the profile for a moment after their parent has gone."""
    ends = time.monotonic() + 10
    while time.monotonic() < ends:
        shutil.rmtree(profile, ignore_errors=True)
        if not os.path.exists(profile):
            os.mkdir(profile)
            return
        time.sleep(0.05)
