"""Do the providers take the configured keys, and know the configured models? They are asked; that costs nothing."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from importlib import import_module
from typing import Any

from autofix.conf import ExplorerOptions
from autofix.explorer.agents.llm.replies import key_of, without_secrets

LIBRARY = "autofix.explorer.agents.llm.library"
ANSWER_S = 10.0
MAX_DETAIL = 300


def objections(options: ExplorerOptions) -> list[str]:
    """A sentence for each key that is refused and each model that is not known. A provider that cannot be asked has none."""

    async def asked() -> list[str]:
        models = import_module(LIBRARY).Models(options)
        try:
            return [await _objection(*models.client(name)) for name in models.names]
        finally:
            await models.close()

    return [sentence for sentence in asyncio.run(asked()) if sentence]


async def _objection(client: Any, model: str) -> str:
    known: Any = getattr(client, "models", None)
    if not hasattr(known, "retrieve"):
        return ""
    try:
        await known.retrieve(model, timeout=ANSWER_S)
    except Exception as exc:  # noqa: BLE001 - each provider's client has errors of its own
        status = getattr(exc, "status_code", None)
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return f"The key for the model {model!r} is refused: {_told(exc, client)}"
        if status == HTTPStatus.NOT_FOUND and model not in await _listed(known, model):
            return f"The provider knows no model {model!r}."
    return ""


def _told(exc: Exception, client: Any) -> str:
    return without_secrets(str(exc), key_of(client))[:MAX_DETAIL]


async def _listed(known: Any, model: str) -> set[str]:
    """The models that the provider lists; the one in question where it lists none: nothing is known against it then."""
    try:
        return {found.id async for found in known.list(timeout=ANSWER_S)} or {model}
    except Exception:  # noqa: BLE001 - each provider's client has errors of its own
        return {model}
