"""Take the README's pictures: run the demo, wait for its messages, and look at them with Chromium.

    .venv/bin/python docs/screenshots.py                       # all pictures, into docs/pictures/
    .venv/bin/python docs/screenshots.py URL FILE [--dark]     # one page of a demo that runs already

Needs a Chromium on the machine (Debian: apt-get install chromium). It is spoken to over its debugging pipe, so no
driver and no package is needed.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

_ROW = re.compile(r'<li id="m(\d+)">(.*?)</li>', re.DOTALL)
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class Chromium:
    """A headless browser with one page. Commands go to descriptor 3 and answers come from 4, NUL after each."""

    def __init__(self) -> None:
        self._cleanup = ExitStack()
        self._number = 0
        program = next((path for name in NAMES if (path := shutil.which(name))), None)
        if program is None:
            sys.exit("No Chromium found. Debian: apt-get install chromium")
        profile = self._cleanup.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        # The shell puts our pipes where Chromium looks for them.
        command = [
            "sh", "-c", f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}', "sh", program, "--headless=new", "--no-sandbox",
            "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe", f"--user-data-dir={profile}",
        ]  # fmt: skip
        self._process = subprocess.Popen(  # noqa: S603 - a browser, and an address from the command line
            command, pass_fds=(theirs_in, theirs_out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._to = self._cleanup.enter_context(os.fdopen(ours_out, "wb", buffering=0))
        self._from = self._cleanup.enter_context(os.fdopen(ours_in, "rb"))
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.page("Page.enable")

    def __enter__(self) -> Chromium:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._cleanup.close()

    def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Send one command and wait for its answer; events on the way are passed over."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        self._to.write(json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != self._number:
            pass
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    def page(self, method: str, **params: Any) -> dict[str, Any]:
        return self.call(method, self._session, **params)

    def open(self, url: str, *, width: int, height: int, dark: bool) -> None:
        """Load a page at a size and in a colour scheme, and wait until all of it is there."""
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.page("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.page("Emulation.setEmulatedMedia", features=scheme)
        self.page("Page.navigate", url=url)
        while self._read().get("method") != "Page.loadEventFired":
            pass
        # A sandboxed frame is painted by another process, some time after the page says it is loaded.
        self.value("new Promise(done => setTimeout(done, 600))")

    def value(self, expression: str) -> Any:
        """What a piece of JavaScript evaluates to on the page; a promise is waited for."""
        answer = self.page("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        return answer["result"].get("value")

    def picture(self, part: str | None = None) -> bytes:
        """A PNG of what is in view, or of the first element that `part` selects."""
        if part is None:
            return base64.b64decode(self.page("Page.captureScreenshot")["data"])
        box = self.value(
            f"(() => {{ const r = document.querySelector({json.dumps(part)}).getBoundingClientRect();"
            " return {x: r.x, y: r.y + scrollY, width: r.width, height: r.height, scale: 1} })()"
        )
        return base64.b64decode(self.page("Page.captureScreenshot", clip=box, captureBeyondViewport=True)["data"])

    def _read(self) -> dict[str, Any]:
        text = bytearray()
        while (byte := self._from.read(1)) not in {b"\0", b""}:
            text += byte
        if not text:
            raise RuntimeError("Chromium has ended")
        message: dict[str, Any] = json.loads(text)
        return message


@dataclass(frozen=True)
class Picture:
    """The first message whose line in the list matches `line`; all of the page, or what the selector `part` finds."""

    file: str
    line: str
    view: str
    part: str | None
    height: int = 860


PICTURES = (
    Picture("alert.png", r"E-mail to Cyd Obi .* from Piet Jansen", "mail", ".frame", 1060),
    Picture("sandbox.png", r"Slack to Cyd Obi NPS 2 from Ines Ferrer", "slack", None),
)


def take_all(browser: Chromium, address: str, folder: Path) -> None:
    """Every picture of PICTURES, from a demo that has told enough."""
    with urllib.request.urlopen(address) as answer:  # noqa: S310 - the demo, on this machine
        page = answer.read().decode()
    rows = [(number, " ".join(re.sub("<[^>]+>", " ", row).split())) for number, row in _ROW.findall(page)]
    for picture in PICTURES:
        number = next(n for n, words in reversed(rows) if re.search(picture.line, words))
        browser.open(f"{address}/{number}/{picture.view}", width=1280, height=picture.height, dark=False)
        (folder / picture.file).write_bytes(browser.picture(picture.part))


def with_a_demo(folder: Path) -> None:
    """Run the demo as far as the mail that comes in place of a Slack message."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "worker.cli.main", "demo", "--port", "0"]
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own program
    try:
        assert demo.stdout is not None
        address = ""
        for line in demo.stdout:
            address = line.split(": ", 1)[1].strip() if "as their receivers do" in line else address
            if "came by mail" in line:
                break
        with Chromium() as browser:
            take_all(browser, address, folder)
    finally:
        demo.terminate()
        demo.communicate()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("url", nargs="?")
    parser.add_argument("file", type=Path, nargs="?", default=Path(__file__).parent / "pictures")
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=860)
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--part", help="only the first element that this CSS selector finds")
    args = parser.parse_args()
    if args.url is None:
        with_a_demo(args.file)
        return
    with Chromium() as browser:
        browser.open(args.url, width=args.width, height=args.height, dark=args.dark)
        args.file.write_bytes(browser.picture(args.part))


if __name__ == "__main__":
    main()
