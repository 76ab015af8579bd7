"""Secrets are blanked before they reach a prompt, a log, a block or a webhook. Pure; doing it twice changes nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Any

REDACTED = "[redacted]"
_NOT_SECRET = re.compile(
    r"""(?ix) ^(?: \[redacted\] | null | none | true | false | undefined | \d{1,3} | \W+ | changeme | password | secret | token
        | (?:os|env|self|settings|process|config|request|options|args|kwargs|this|params|getenv|str|bytes|int|get)\b.*
        | .*[({\[<].* | \$.* | %.* )$"""
)
# The names whose values are secret, as they are written in code, headers, JSON and queries.
_NAME = (
    r"(?:[\w-]*(?:password|passwd|passphrase|api[_-]?key|secret(?:[_-]?(?:key|access[_-]?key))?|private[_-]?key"
    r"|access[_-]?token|auth[_-]?token|refresh[_-]?token|client[_-]?secret|session[_-]?(?:id|key|token)|csrf[_-]?token"
    r"|credentials?)|pwd|token|authorization|x-sentry-auth|set-cookie|cookies?)"
)
# One of these is in every such name; looking for plain text first costs a hundredth of what the patterns cost.
_NAME_SIGNS = (
    *(
        "passw",
        "passphrase",
        "apikey",
        "api_key",
        "api-key",
        "secret",
        "privatekey",
        "private_key",
        "private-key",
        "token",
    ),
    *(
        "sessionid",
        "session_id",
        "session-id",
        "sessionkey",
        "session_key",
        "session-key",
        "credential",
        "pwd",
    ),
    *("authorization", "x-sentry-auth", "cookie"),
)
_QUOTE = r"""(?:\\?["'])"""


@dataclass(frozen=True)
class Kind:
    """One kind of secret. ``signs``: the pattern matches nowhere in a text that has none of them, whatever their case."""

    pattern: re.Pattern[str]
    replacement: str | Callable[[re.Match[str]], str]
    signs: Sequence[str]


KINDS = (
    Kind(
        re.compile(
            r"-----BEGIN (?P<kind>[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?)-----.*?(?:-----END (?P=kind)-----|\Z)",
            re.DOTALL,
        ),
        lambda m: REDACTED + "\n" * m[0].count("\n"),  # lines keep their numbers
        ("-----begin ",),
    ),
    Kind(re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"), REDACTED, ("eyj",)),  # JWT
    Kind(
        re.compile(r"(?<=://)(?P<user>[^\s/:@\"'<>]*):[^\s/\"'<>]+(?=@)"),  # an @ in the password, too
        lambda m: f"{m['user']}:{REDACTED}",
        ("://",),
    ),
    Kind(
        re.compile(
            r"(?i)\b(?P<scheme>bearer|basic|token|digest|rpcsignature)\s+(?!\[redacted\])[\w.~+/=:-]{8,}"
        ),
        lambda m: f"{m['scheme']} {REDACTED}",
        ("bearer", "basic", "token", "digest", "rpcsignature"),
    ),
    # Keys that say by themselves what they are.
    Kind(
        re.compile(
            r"\b(?:sk-(?:ant-|proj-)?[\w-]{16,}|gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abpros]-[\w-]{10,}"
            r"|(?:AKIA|ASIA)[0-9A-Z]{16,}|AIza[\w-]{30,}|[rsp]k_(?:live|test)_\w{10,}|whsec_[\w+/=]{16,}"
            r"|npm_\w{30,}|SG\.[\w-]{16,}\.[\w-]{16,}|hf_\w{20,}|ya29\.[\w-]{20,})"
        ),
        REDACTED,
        (
            *(
                "sk-",
                "ghp_",
                "gho_",
                "ghu_",
                "ghs_",
                "ghr_",
                "github_pat_",
                "glpat-",
                "xox",
                "akia",
                "asia",
                "aiza",
            ),
            *("k_live_", "k_test_", "whsec_", "npm_", "sg.", "hf_", "ya29."),
        ),
    ),
    Kind(
        re.compile(
            r"(?im)^(?P<name>[ \t>+-]*(?:(?:set-)?cookie|(?:proxy-)?authorization)\s*:\s*)(?!\[redacted\])\S.*$"
        ),
        lambda m: f"{m['name']}{REDACTED}",
        ("cookie", "authorization"),
    ),
    # name = "value", name: 'value', "name": "value"; first as code and JSON have it, up to the same quote again
    Kind(
        re.compile(
            rf"(?i)(?P<name>(?<![\w-]){_NAME}{_QUOTE}?\s*(?:=>|:=|=|:)\s*(?P<open>[\"']))(?P<value>(?:\\.|(?!(?P=open))[^\\\n]){{4,}})"
            r"(?=(?P=open))"
        ),
        lambda m: m[0] if _NOT_SECRET.match(m["value"]) else f"{m['name']}{REDACTED}",
        _NAME_SIGNS,
    ),
    # and where the text is inside of another one, with its quotes escaped
    Kind(
        re.compile(
            rf"(?i)(?P<name>(?<![\w-]){_NAME}{_QUOTE}?\s*(?:=>|:=|=|:)\s*(?P<open>{_QUOTE}))(?P<value>[^\"'\\\n]{{4,}})(?=\\?[\"'])"
        ),
        lambda m: m[0] if _NOT_SECRET.match(m["value"]) else f"{m['name']}{REDACTED}",
        _NAME_SIGNS,
    ),
    # name=value, in queries, environments and connection strings
    Kind(
        re.compile(rf"(?i)(?P<name>(?<![\w-]){_NAME}=)(?P<value>[^\s\"'&;,)}}\]]{{4,}})"),
        lambda m: m[0] if _NOT_SECRET.match(m["value"]) else f"{m['name']}{REDACTED}",
        _NAME_SIGNS,
    ),
)
_BY_SIGNS = [(signs, list(kinds)) for signs, kinds in groupby(KINDS, lambda kind: kind.signs)]
SHORTEST = len("://:s@")
"""Of all that the patterns match."""
_SECRET_KEY = re.compile(rf"(?i)^{_NAME}$")
_COOKIES = re.compile(r"(?i)^(?:set-)?cookies?$")
_PAIR = 2


def redact(text: str) -> str:
    """The text with every secret that can be told from its form or its name blanked."""
    # Again until nothing changes: what stood glued to a secret may be told apart only when that one is gone.
    while (blanked := _blanked(text)) != text:
        text = blanked
    return text


def without_keys(text: str) -> str:
    """A file's text as it may be shown in parts: a private key whose first line is not in the part could not be told."""
    return redact(text) if "PRIVATE KEY" in text else text


def _blanked(text: str) -> str:
    if len(text) < SHORTEST:
        return text
    folded = text.casefold()
    for signs, kinds in _BY_SIGNS:
        for sign in signs:  # a loop takes half as long as any() does
            if sign in folded:
                for kind in kinds:
                    text = kind.pattern.sub(kind.replacement, text)
                break
    return text


def redact_data(value: Any) -> Any:
    """JSON-like data with its strings redacted; a string under a name such as ``password`` is blanked whole.

    So are strings in a list under such a name, the second of a pair whose first is such a name, as SDKs send headers, and all
    that cookies hold, whatever they are called.
    """
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict | Mapping):  # dict comes first: asking an abstract class takes longer
        return {key: _redact_entry(key, entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        if _is_named(value):
            return [redact(value[0]), _redact_entry(value[0], value[1])]
        return [redact_data(entry) for entry in value]
    return value


def _redact_entry(key: Any, value: Any) -> Any:
    if not (value and isinstance(key, str) and _names_a_secret(key)):
        return redact_data(value)
    if isinstance(value, str):
        return REDACTED
    if _COOKIES.match(key):
        return _without_strings(value)
    if isinstance(value, list | tuple):
        return [REDACTED if isinstance(entry, str) else redact_data(entry) for entry in value]
    return redact_data(value)


@lru_cache(maxsize=1_000)
def _names_a_secret(key: str) -> bool:
    """The same names come again and again, and the pattern goes back and forth in each."""
    return _SECRET_KEY.match(key) is not None


def _without_strings(value: Any) -> Any:
    """The same with every string blanked but the names: of a mapping's entries, and the first of each pair in a list."""
    if isinstance(value, Mapping):
        return {key: _without_strings(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [
            [entry[0], _without_strings(entry[1])] if _is_named(entry) else _without_strings(entry)
            for entry in value
        ]
    return REDACTED if isinstance(value, str) else value


def _is_named(entry: Any) -> bool:
    return isinstance(entry, list | tuple) and len(entry) == _PAIR and isinstance(entry[0], str)
