"""Which Chromium the flows run in, and where one comes from on a machine that has none.

In order: $E2E_CHROMIUM, the one Playwright installed, the system's, `playwright install chromium`, and for root the
distribution's package. As a script it prints the path of the chosen one, or nothing for Playwright's own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Error, Playwright, sync_playwright

# No sandbox of its own: as root, and in most containers, Chromium does not start with one.
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking"]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
DOWNLOAD_SECONDS = 300


def candidates(playwrights_own: str) -> list[str | None]:
    """Return the executables to try, the best first; None stands for Playwright's own."""
    if named := os.environ.get("E2E_CHROMIUM"):
        return [named]
    own = [None] if Path(playwrights_own).exists() else []
    return [*own, *(found for name in NAMES if (found := shutil.which(name)))]


def main() -> None:
    """Make sure that a Chromium starts, installing one if need be; say on stderr what was done."""
    with sync_playwright() as playwright:
        for install in (None, install_playwrights, install_the_distributions):
            if install and not install():
                continue
            for executable in candidates(playwright.chromium.executable_path):
                if version := started(playwright, executable):
                    say(f"The browser flows run in Chromium {version}, {executable or 'installed by Playwright'}.")
                    sys.stdout.write(executable or "")
                    return
            if named := os.environ.get("E2E_CHROMIUM"):
                sys.exit(f"E2E_CHROMIUM names {named}, and that does not start as a Chromium.")
    sys.exit(
        "No Chromium starts here: install one (`playwright install --with-deps chromium`, or the package chromium of "
        "your system), or name one in E2E_CHROMIUM."
    )


def started(playwright: Playwright, executable: str | None) -> str | None:
    """Return the version of a browser that really starts; the file alone may lack its libraries."""
    try:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
    except Error:
        return None
    version = browser.version
    browser.close()
    return version


def install_playwrights() -> bool:
    say("No Chromium here: trying `playwright install chromium` …")
    return ran([sys.executable, "-m", "playwright", "install", "chromium"])


def install_the_distributions() -> bool:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    say("That gave none: installing the package chromium with apt-get …")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    return ran(["apt-get", "update"], **quiet) and ran(
        ["apt-get", "install", "-y", "--no-install-recommends", "chromium"], **quiet
    )


def ran(command: list[str], **environment: str) -> bool:
    try:
        done = subprocess.run(  # noqa: S603  fixed commands
            command,
            env={**os.environ, **environment},
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=DOWNLOAD_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def say(line: str) -> None:
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    main()
