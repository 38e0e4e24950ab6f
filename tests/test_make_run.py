"""What `make run` does, apart from installing: the server starts, greets, stops, and says in one sentence why not."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def environment(folder: Path, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{folder}/billing.sqlite3",
        "STRIPE_SANDBOX_DATABASE_URL": f"sqlite:///{folder}/sandbox.sqlite3",
        **dict.fromkeys(("STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRET", "RELOAD"), ""),
        **more,
    }


def serve(folder: Path, port: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "scripts/serve.py"],
        cwd=ROOT,
        env=environment(folder, PORT=str(port)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_greets_once_it_answers_and_leaves_nothing_behind(
    tmp_path: Path, free_port: int, stop: signal.Signals
) -> None:
    server = serve(tmp_path, free_port)
    assert server.stdout is not None
    greeting = ""
    while "Ctrl-C stops it." not in greeting and server.poll() is None:
        greeting += server.stdout.readline()
    with urllib.request.urlopen(f"http://127.0.0.1:{free_port}/accounts/login/", timeout=10) as answer:
        assert answer.status == 200
    os.killpg(server.pid, stop)  # as a terminal does with Ctrl-C
    server.communicate(timeout=20)
    assert server.returncode == 0
    assert f"http://127.0.0.1:{free_port}/" in greeting
    assert all(name in greeting for name in ("alice", "bob", "carol", "dave", "erin", '"demo"'))
    with pytest.raises(ProcessLookupError):
        os.killpg(server.pid, 0)


def test_it_says_that_the_port_is_taken(tmp_path: Path, listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    said = serve(tmp_path, port).communicate(timeout=20)[1]
    assert said == f"Port {port} is taken: stop what listens there, or choose another: `make run PORT=9000`.\n"


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1"])
def test_it_says_that_the_port_is_none(tmp_path: Path, port: str) -> None:
    said = serve(tmp_path, port).communicate(timeout=20)[1]
    assert said == f"PORT must be a number from 1 to 65535, not {port!r}.\n"


def test_it_says_which_python_is_needed(tmp_path: Path) -> None:
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14", "python"):
        old = tmp_path / name
        old.write_text("#!/bin/sh\n[ \"$1\" = --version ] && echo 'Python 3.9.18' || exit 1\n")
        old.chmod(0o755)
    scripts = tmp_path / "project" / "scripts"
    scripts.mkdir(parents=True)
    (scripts / "install.sh").write_text((ROOT / "scripts" / "install.sh").read_text())
    refused = subprocess.run(  # noqa: S603  our own script
        ["/bin/sh", str(scripts / "install.sh"), "venv"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 1
    assert refused.stderr == "Python 3.11 or newer is needed; here python3 is Python 3.9.18.\n"
