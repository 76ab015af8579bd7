"""Names of models, as the settings write them."""

from __future__ import annotations


def model_names(written: str) -> list[str]:
    """``first, second``: in the order in which they are asked."""
    return list(dict.fromkeys(name.strip() for name in written.split(",") if name.strip()))
