"""One module per Stripe resource; a new file in this folder is all it takes to serve a new one."""

from __future__ import annotations

import importlib
import pkgutil


def load() -> None:
    """Import every module beside this one, so that its routes are known."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
