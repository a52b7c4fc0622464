"""A headless Chromium on a pipe: enough of its protocol to open a page, look at it and hear its complaints."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def find() -> str | None:
    """The browser's program: `AUXIN_CHROMIUM`, or the first of its usual names."""
    given = os.environ.get("AUXIN_CHROMIUM")
    return given or next((found for name in NAMES if (found := shutil.which(name))), None)


class Browser:
    """One browser with one page; use it in a `with`."""

    def __init__(self, program: str) -> None:
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_browser, from_browser = os.pipe(), os.pipe()

        def wire() -> None:
            for number, end in ((13, to_browser[0]), (14, from_browser[1])):
                os.dup2(end, number)
            os.dup2(13, 3)
            os.dup2(14, 4)

        command = [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"]
        command += ["--disable-dev-shm-usage", "--hide-scrollbars", f"--user-data-dir={self.profile.name}"]
        command += [
            "--disable-background-networking",
            "--disable-extensions",
            "--no-first-run",
            "about:blank",
        ]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, preexec_fn=wire, close_fds=False, **quiet)
        os.close(to_browser[0])
        os.close(from_browser[1])
        self.writer, self.reader = os.fdopen(to_browser[1], "wb", 0), os.fdopen(from_browser[0], "rb")
        self.count, self.rest, self.events, self.session = 0, b"", [], None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_) -> None:
        self.process.terminate()
        self.process.wait(10)
        self.writer.close()
        self.reader.close()
        self.profile.cleanup()

    def call(self, method: str, **parameters):
        self.count += 1
        message = {"id": self.count, "method": method, "params": parameters}
        message |= {"sessionId": self.session} if self.session else {}
        self.writer.write(json.dumps(message).encode() + b"\0")
        while True:
            found = self._next()
            if found.get("id") == self.count:
                assert "error" not in found, found
                return found["result"]
            self.events.append(found)

    def _next(self):
        while b"\0" not in self.rest:
            more = os.read(self.reader.fileno(), 1 << 20)
            assert more, "the browser is gone"
            self.rest += more
        text, self.rest = self.rest.split(b"\0", 1)
        return json.loads(text)

    def open(self, page: Path | str, *, width: int, dark: bool = False) -> None:
        """Open a file from disk, or an address, in a window of this width; earlier events are dropped."""
        self.events.clear()
        phone = width < 600
        metrics = {"width": width, "height": 844, "deviceScaleFactor": 2 if phone else 1, "mobile": phone}
        self.call("Emulation.setDeviceMetricsOverride", **metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=page if isinstance(page, str) else page.resolve().as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next())

    def evaluate(self, script: str):
        return self.call("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def requests(self) -> list[str]:
        """The addresses that the page asked for, data URLs apart."""
        sent = [
            e["params"]["request"]["url"] for e in self.events if e["method"] == "Network.requestWillBeSent"
        ]
        return [url for url in sent if not url.startswith("data:")]

    def complaints(self) -> list[str]:
        """Console messages, uncaught exceptions and the browser's own log."""
        kinds = {"Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"}
        return [json.dumps(event["params"])[:300] for event in self.events if event["method"] in kinds]

    def picture(self, file: Path, top: int = 0, height: int | None = None) -> None:
        """A screenshot of the page, or of a strip of it."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        tall = min(size["height"] - top, height or size["height"])
        clip = {"x": 0, "y": top, "width": size["width"], "height": tall, "scale": 1}
        found = self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(found["data"]))
