"""Headless Chromium with Selenium; Debian's packages are installed when it is missing."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from scripts.shared import commands
from scripts.shared.file_lock import hold_lock
from scripts.shared.paths import cache_home

#: Names of the browser's program on Debian, on Ubuntu and on GitHub's runners.
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

#: The browser itself must not use the network: only the pages under test do.
FLAGS = (
    "--headless",
    "--no-sandbox",  # Chromium refuses to run as root with it
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",  # containers have little of it
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

#: CSS pixels.
DESKTOP = (1280, 900)
PHONE = (390, 844)

#: Seconds that a test waits for a condition: the model may have to be loaded first.
TIMEOUT = 60


@dataclass(frozen=True)
class Programs:
    """Paths of the browser and its driver, which have the same version."""

    browser: str
    driver: str


def _find() -> Programs | None:
    folder = os.environ.get("CHROMEWEBDRIVER")  # GitHub's runners
    path = os.pathsep.join(filter(None, [folder, os.environ.get("PATH"), "/usr/lib/chromium"]))
    driver = shutil.which("chromedriver", path=path)
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    return Programs(browser, driver) if browser and driver else None


def programs() -> Programs:
    """Browser and driver. When they are missing, apt-get installs them, which needs root or sudo.

    Unpacking the package is not enough: Chromium needs a hundred other packages.
    """
    lock = cache_home() / "chromium.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with hold_lock(lock, "which fetches a browser"):
        found = _find()
        if found is None:
            root = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
            packages = ["chromium", "chromium-driver"]
            commands.check([*root, "apt-get", "update"])
            commands.check(
                [*root, "apt-get", "install", "--yes", "--no-install-recommends", *packages]
            )
            found = _find()
    assert found is not None, "chromium or chromedriver is not on PATH after the installation"
    return found


class Page:
    """A browser tab, with the calls that tests need."""

    def __init__(self, driver: Chrome, address: str) -> None:
        self.driver = driver
        self.address = address

    def open(self, path: str) -> None:
        self.driver.get(self.address + path)

    def one(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        return self.one(selector).text

    def value(self, selector: str) -> str:
        """The value of a form field."""
        return str(self.one(selector).get_property("value"))

    def attribute(self, selector: str, name: str) -> str:
        """An attribute, or a property of that name such as `textContent`."""
        return str(self.one(selector).get_attribute(name))

    def run(self, script: str, *arguments: Any) -> Any:
        """Run JavaScript; returns its result."""
        return self.driver.execute_script(script, *arguments)

    def wait(self, condition: str, seconds: float = TIMEOUT) -> Any:
        """Wait until a JavaScript expression is true; returns its value."""
        script = f"return ({condition})"
        return WebDriverWait(self.driver, seconds, poll_frequency=0.1).until(
            lambda driver: driver.execute_script(script), f"never true: {condition}"
        )

    def focused(self) -> WebElement:
        return self.driver.switch_to.active_element

    def size(self, size: tuple[int, int]) -> None:
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def prefer(self, **features: str) -> None:
        """Set what the user prefers: `color_scheme="dark"`, `reduced_motion="reduce"`."""
        named = [
            {"name": f"prefers-{name.replace('_', '-')}", "value": value}
            for name, value in features.items()
        ]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": named})

    def screenshot(self, file: Path) -> bytes:
        file.parent.mkdir(parents=True, exist_ok=True)
        shot = self.driver.execute_cdp_cmd("Page.captureScreenshot", {})
        content = base64.b64decode(shot["data"])
        file.write_bytes(content)
        return content

    def console_messages(self) -> list[str]:
        """Console messages since the last call, with violations of the content security policy."""
        return [entry["message"] for entry in self.driver.get_log("browser")]  # type: ignore[no-untyped-call]

    def hosts(self) -> set[str]:
        """Hosts and ports that got a request since the last call.

        Other schemes are left out: the browser's first tab loads chrome: and data: addresses.
        """
        messages = [
            json.loads(entry["message"])["message"]
            for entry in self.driver.get_log("performance")  # type: ignore[no-untyped-call]
        ]
        urls = [
            urlsplit(message["params"]["request"]["url"])
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]
        return {url.netloc for url in urls if url.scheme in ("http", "https", "ws", "wss")}


@contextmanager
def page(address: str, profile: Path) -> Iterator[Page]:
    """A browser with a new profile, for the service at `address`."""
    found = programs()
    options = ChromeOptions()
    options.binary_location = found.browser
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = Chrome(options=options, service=Service(found.driver))
    try:
        tab = Page(driver, address)
        tab.size(DESKTOP)
        tab.prefer(color_scheme="light")
        yield tab
    finally:
        driver.quit()
