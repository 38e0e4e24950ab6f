"""Which Chromium the browser flows take."""

from __future__ import annotations

from pathlib import Path

import pytest

from chromium import candidates


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A machine whose distribution has a Chromium."""
    executable = tmp_path / "chromium"
    executable.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("E2E_CHROMIUM", raising=False)
    return str(executable)


@pytest.fixture
def playwrights(tmp_path: Path) -> str:
    """What Playwright installed for itself."""
    executable = tmp_path / "chrome-headless-shell"
    executable.touch(mode=0o755)
    return str(executable)


def test_the_named_one_is_the_only_one(system: str, playwrights: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("E2E_CHROMIUM", "/opt/mine")
    assert candidates(playwrights) == ["/opt/mine"]


def test_playwrights_own_comes_before_the_systems(system: str, playwrights: str) -> None:
    assert candidates(playwrights) == [None, system]


def test_the_systems_is_taken_where_playwright_has_none(system: str) -> None:
    assert candidates("/nowhere/chrome") == [system]


def test_a_machine_without_any_has_no_candidate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("E2E_CHROMIUM", raising=False)
    assert candidates("/nowhere/chrome") == []
