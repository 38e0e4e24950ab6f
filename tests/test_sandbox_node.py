"""Stripe's official Node SDK drives the sandbox over HTTP: tests/node/*.test.mjs, each file a test here."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_django
from pytest_django.live_server_helper import LiveServer

from sandbox.models import Account

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

ROOT = Path(__file__).resolve().parent.parent
INSTALLER = str(ROOT / "scripts" / "install.sh")
FILES = sorted((ROOT / "tests" / "node").glob("*.test.mjs"))


@pytest.fixture(scope="session")
def node() -> str:
    """The node that the installer chose."""
    if not (ROOT / "node_modules" / "stripe").exists():
        pytest.skip("Stripe's Node SDK is not installed: `make test` does it.")
    command = ["/bin/sh", INSTALLER, "node"]
    found = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  our own script
    return str(ROOT / found.stdout.strip())


@pytest.fixture
def at_the_root(settings: pytest_django.Settings) -> None:
    """The API as `make sandbox` serves it: the Node SDK cannot be told of a path before /v1."""
    settings.ROOT_URLCONF = "config.sandbox_urls"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name.removesuffix(".test.mjs"))
@pytest.mark.usefixtures("at_the_root")
def test_the_node_sdk_finds_what_it_expects(file: Path, node: str, account: Account, live_server: LiveServer) -> None:
    address = urlsplit(live_server.url)
    to = {"STRIPE_HOST": address.hostname, "STRIPE_PORT": str(address.port)}
    played = subprocess.run(  # noqa: S603  our own files
        [node, "--test", "--test-reporter=spec", str(file)],
        cwd=ROOT,
        env={**os.environ, **to, "STRIPE_SECRET_KEY": f"sk_test_{account.name}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert played.returncode == 0, played.stdout + played.stderr


def test_an_old_node_is_passed_over(tmp_path: Path) -> None:
    old, ours = tmp_path / "bin" / "node", tmp_path / ".venv" / "bin" / "node"
    for file, exit_status in ((old, 1), (ours, 0)):
        file.parent.mkdir(parents=True)
        file.write_text(f"#!/bin/sh\nexit {exit_status}\n")
        file.chmod(0o755)
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "install.sh").write_text(Path(INSTALLER).read_text())
    found = subprocess.run(  # noqa: S603  our own script
        ["/bin/sh", str(scripts / "install.sh"), "node"],
        env={"PATH": f"{old.parent}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout == ".venv/bin/node\n"
