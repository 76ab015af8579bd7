"""The one module that knows the LLM library. It is loaded when a turn runs, never at start."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from openai import AsyncOpenAI, Omit, omit
from pydantic_ai import exceptions as faults
from pydantic_ai.direct import model_request
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import Model, ModelRequestParameters, infer_model
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers import Provider, infer_provider, infer_provider_class
from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.usage import RequestUsage

from autofix.conf import ExplorerOptions
from autofix.exceptions import AgentFailed, ModelRefused
from autofix.explorer.agents.llm.conversation import CHARS_PER_TOKEN, INSTRUCTIONS, Entry, Replied, Said
from autofix.explorer.agents.llm.names import model_names
from autofix.explorer.agents.llm.replies import (
    Reply,
    SkipModel,
    TooLong,
    Transient,
    Unreadable,
    key_of,
    without_secrets,
)
from autofix.explorer.ledger import Charge
from autofix.explorer.state import ToolCall
from autofix.explorer.tools.catalogue import ToolSpec

MILLION = 1_000_000
MAX_DETAIL = 500
MAX_OUTPUT_TOKENS = 16_000
OPENAI_PREFIXES = ("openai:", "openai-chat:")


class Models:
    """The configured models, first choice first. AgentFailed with ``agent_unavailable`` when one cannot be had."""

    def __init__(self, options: ExplorerOptions, tools: Sequence[ToolSpec] = ()) -> None:
        self._options = options
        self.names = model_names(options.llm_model)
        self._made = {name: _made(name, options) for name in self.names}
        self._parameters = ModelRequestParameters(
            function_tools=[
                ToolDefinition(
                    name=tool.name, description=tool.description, parameters_json_schema=tool.schema
                )
                for tool in tools
            ]
        )

    async def close(self) -> None:
        """Close their connections."""
        for name in self.names:
            client, _ = self.client(name)
            if hasattr(client, "close"):
                await client.close()

    def client(self, name: str) -> tuple[Any, str]:
        """The SDK's client that asks it (None: there is none), and what the provider calls it."""
        return getattr(self._made[name], "client", None), self._made[name].model_name

    def priced(
        self, name: str, input_tokens: int, output_tokens: int = 0, *, estimated: bool = True
    ) -> Charge:
        """These tokens with what they cost: by the configured table, else by the library's for known providers."""
        table = self._options.llm_prices
        price = table.get(name) or table.get(name.partition(":")[2])
        cost: float | None
        if price is not None:
            cost = (input_tokens * price[0] + output_tokens * price[1]) / MILLION
        else:
            cost = (
                None
                if self._options.llm_base_url
                else _listed_cost(self._made[name], input_tokens, output_tokens)
            )
        return Charge(input_tokens, output_tokens, cost, estimated)

    async def request(
        self,
        name: str,
        entries: Sequence[Entry],
        *,
        timeout_s: float,
        estimate: Charge,
    ) -> Reply:
        """Ask once; ``estimate`` is charged where the provider does not say. Raises a ModelFault, nothing of the library's."""
        model = self._made[name]
        settings = ModelSettings(timeout=timeout_s)
        if model.system == "anthropic":  # it demands a limit, and the library's own is short
            settings["max_tokens"] = MAX_OUTPUT_TOKENS
        try:
            response = await model_request(
                model,
                _messages(entries),
                model_settings=settings,
                model_request_parameters=self._parameters,
            )
        except (
            faults.AgentRunError,
            faults.UserError,
            ValueError,
            TypeError,
            KeyError,
            AttributeError,
        ) as exc:
            raise _fault(exc, self._key(name)) from exc
        except Exception as exc:
            raise Transient(_words(exc, self._key(name))) from exc
        return self._reply(name, response, estimate.input_tokens)

    def _key(self, name: str) -> str:
        return key_of(self.client(name)[0])

    def _reply(self, name: str, response: ModelResponse, estimate: int) -> Reply:
        text = "\n".join(part.content for part in response.parts if isinstance(part, TextPart))
        calls = tuple(
            ToolCall(function=part.tool_name, args=_arguments(part.args), id=part.tool_call_id or "")
            for part in response.parts
            if isinstance(part, ToolCallPart)
        )
        used = response.usage
        known = bool(used.input_tokens or used.output_tokens)
        written = (len(text) + sum(len(call.args) for call in calls)) // CHARS_PER_TOKEN
        tokens = (used.input_tokens, used.output_tokens) if known else (estimate, written)
        return Reply(text, calls, self.priced(name, *tokens, estimated=not known))


def problem(options: ExplorerOptions) -> str:
    """Empty when every model can be had; else a sentence that says why not."""
    try:
        Models(options)
    except AgentFailed as exc:
        return exc.detail
    return ""


def _made(name: str, options: ExplorerOptions) -> Model:
    try:
        if options.llm_base_url:
            key = options.llm_api_key or "not-needed"
            client = AsyncOpenAI(base_url=options.llm_base_url, api_key=key, max_retries=0)
            _send_unwalked(client)
            short = next((name.removeprefix(p) for p in OPENAI_PREFIXES if name.startswith(p)), name)
            return _ChatModel(short, provider=OpenAICompatibleProvider("configured", openai_client=client))
        first = model_names(options.llm_model)[0].partition(":")[0]
        model = infer_model(name, provider_factory=lambda word: _provider(word, options, first))
    except (faults.UserError, ImportError, ValueError, TypeError) as exc:
        raise AgentFailed(
            f"The model {name!r} cannot be used: {_words(exc, options.llm_api_key)}", code="agent_unavailable"
        ) from exc
    sdk: Any = getattr(model, "client", None)
    if hasattr(sdk, "max_retries"):
        sdk.max_retries = 0  # tries are ours to count and to pay
    if isinstance(sdk, AsyncOpenAI):
        _send_unwalked(sdk)
    return model


class _ChatModel(OpenAIChatModel):
    """The library's, which adapts the tools' schemas to the provider once and not before each call."""

    _adapted: tuple[list[ToolDefinition], list[ToolDefinition]] | None = None

    def customize_request_parameters(self, given: ModelRequestParameters) -> ModelRequestParameters:
        if self._adapted is None or self._adapted[0] is not given.function_tools:
            self._adapted = given.function_tools, super().customize_request_parameters(given).function_tools
        return replace(given, function_tools=self._adapted[1])


def _send_unwalked(client: AsyncOpenAI) -> None:
    """Have messages and tools sent as they are.

    The SDK walks through the whole conversation before each call for keys to rename and files to encode; there are none.
    """
    completions: Any = client.chat.completions
    walking = completions.create

    async def create(
        *, messages: Any, tools: Any | Omit = omit, extra_body: Any = None, **others: Any
    ) -> Any:
        plain = {"messages": messages} | ({} if isinstance(tools, Omit) else {"tools": tools})
        return await walking(messages=[], extra_body=plain | (extra_body or {}), **others)

    completions.create = create


def _provider(word: str, options: ExplorerOptions, first: str) -> Provider[Any]:
    """The configured key is the first model's provider's; others find theirs in their own environment variables."""
    if options.llm_api_key and word == first:
        made: Any = infer_provider_class(word)
        return made(api_key=options.llm_api_key)  # type: ignore[no-any-return]  # providers differ in what else they take
    return infer_provider(word)


def _listed_cost(model: Model, input_tokens: int, output_tokens: int) -> float | None:
    usage = RequestUsage(input_tokens=input_tokens, output_tokens=output_tokens)
    response = ModelResponse(
        parts=[],
        usage=usage,
        model_name=model.model_name,
        provider_name=model.system,
        provider_url=model.base_url,
    )
    try:
        return float(response.cost().total_price)
    except (LookupError, ValueError, AssertionError):
        return None


def _messages(entries: Sequence[Entry]) -> list[ModelMessage]:
    messages: list[ModelMessage] = []
    for entry in entries:
        if isinstance(entry, Replied):
            calls = [
                ToolCallPart(call.function, _valid(call.args), tool_call_id=call.id) for call in entry.calls
            ]
            text = [TextPart(entry.text)] if entry.text or not calls else []
            messages.append(ModelResponse(parts=[*text, *calls]))
            continue
        part = (
            UserPromptPart(entry.text)
            if isinstance(entry, Said)
            else ToolReturnPart(entry.call.function, entry.text, tool_call_id=entry.call.id)
        )
        if messages and isinstance(messages[-1], ModelRequest):
            messages[-1] = ModelRequest(parts=[*messages[-1].parts, part], instructions=INSTRUCTIONS)
        else:
            messages.append(ModelRequest(parts=[part], instructions=INSTRUCTIONS))
    return messages


def _fault(exc: Exception, key: str) -> Exception:
    """The library's error as a fault of ours."""
    words = _words(exc, key)
    if isinstance(exc, faults.ModelContextWindowExceededError):
        return TooLong(words)
    if isinstance(exc, faults.ModelRateLimitError):
        return Transient(words, retry_after=_seconds(exc.retry_after), free=True)
    if isinstance(exc, faults.ModelRequestRejectedError | faults.ModelQuotaExceededError | faults.UserError):
        return SkipModel(ModelRefused(f"The provider refuses: {words}"))
    if isinstance(exc, faults.ModelHTTPError) and exc.status_code in (400, 401, 403, 404, 422):
        return SkipModel(ModelRefused(f"The provider refuses: {words}"))
    if isinstance(exc, faults.ModelAPIError) and type(exc) is not faults.ModelAPIError:
        return Transient(words, retry_after=_seconds(exc.retry_after))
    return Unreadable(words)  # a bare ModelAPIError is a body that could not be decoded


def _seconds(given: float | None) -> float | None:
    return given if given is not None and math.isfinite(given) else None


def _words(exc: Exception, key: str) -> str:
    return without_secrets(f"{type(exc).__name__}: {exc}", key)[:MAX_DETAIL]


def _arguments(given: Any) -> str:
    return given if isinstance(given, str) else json.dumps(given or {}, ensure_ascii=False)


def _valid(arguments: str) -> str:
    """Arguments as a JSON object: some providers refuse a history that holds anything else."""
    try:
        return arguments if isinstance(json.loads(arguments or "{}"), dict) else "{}"
    except ValueError:
        return "{}"
