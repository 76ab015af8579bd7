"""Secrets are told by their form or their name, and nothing else is touched."""

from __future__ import annotations

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autofix.redaction import KINDS, REDACTED, Kind, redact, redact_data
from config.logs import RedactingJsonFormatter

SECRETS = {
    'password = "hunter22"': "hunter22",
    "api_key: 'abcdef123'": "abcdef123",
    '{"client_secret": "s3cret-x"}': "s3cret-x",
    '{\\"password\\": \\"s3cret-x\\"}': "s3cret-x",
    "https://user:pw123@example.com/x": "pw123",
    "redis://:hunter22@cache:6379": "hunter22",
    "postgres://u:p4@ss22@db/shop": "ss22",
    '{"password": "ab\\"cdef"}': "cdef",
    """password = 'it"s-hunter22'""": "hunter22",
    "postgres://u:p4ss@db/shop?sslmode=require": "p4ss",
    "Authorization: Bearer abc.def.ghijkl": "abc.def",
    "curl -H 'authorization: Basic dXNlcjpwYXNz'": "dXNlcjpwYXNz",
    "GET /?token=deadbeefcafe&x=1": "deadbeefcafe",
    "AKIA" + "ABCDEFGHIJKLMNOP": "ABCDEFGHIJKLMNOP",
    "AWS_SECRET_ACCESS_KEY=abcd/efgh+1234": "abcd/efgh",
    "Cookie: sessionid=abc123; theme=dark": "abc123",
    "Set-Cookie: sessionid=abc123": "abc123",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----": "MIIEow",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNza\n(cut off)": "b3BlbnNza",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl": "eyJzdWIi",
    "sk-ant-" + "api03-abcdefghijklmnopqrstuv": "abcdefghij",
    "ghp_" + "a" * 36: "aaaaaaaa",
    "glpat-" + "a1B2c3D4e5F6g7H8i9J0": "a1B2c3D4",
    "xoxb-" + "123456789012-abcdefghijkl": "abcdefghijkl",
}
HARMLESS = (
    'password = os.environ["SHOP_PASSWORD"]',
    "token = self.token",
    "def login(user, password): return password == user.password",
    "secret_key = get_random_secret_key()",
    "input_tokens=123456",
    'raise ValueError("password must not be empty")',
    "https://example.com/path?page=2",
    "    return sum(prices[name] for name in names)",
    "@app.route('/token/<id>')",
    "password: str | None = None",
)


@pytest.mark.parametrize(("text", "secret"), SECRETS.items())
def test_secrets_are_blanked(text: str, secret: str) -> None:
    """Nothing of the secret is left, wherever it stands, and it shows that something was there."""
    for surrounded in (text, f"before\n{text}\nafter"):
        assert secret not in redact(surrounded)
        assert REDACTED in redact(surrounded)


@pytest.mark.parametrize("text", HARMLESS)
def test_code_and_prose_are_left_alone(text: str) -> None:
    """Code that only names secrets stays as it is: it must be readable and quotable."""
    assert redact(text) == text


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_what_a_pattern_matches_has_one_of_its_signs(kind: Kind, data: st.DataObject) -> None:
    """Looking for plain text first skips no secret, however it is written."""
    text = data.draw(st.from_regex(kind.pattern))
    assert any(sign in text.casefold() for sign in kind.signs)


def test_secrets_glued_together_are_all_blanked() -> None:
    """Where one key follows another without a gap, none survives."""
    key = "AKIA0000000000000000"
    for glued in (key + key, f"{key}sk-{'a' * 20}", f"{key * 3}ghp_{'b' * 30}"):
        assert redact(glued).replace(REDACTED, "") == ""


@given(
    st.one_of(
        st.text(), st.lists(st.sampled_from([*SECRETS, *HARMLESS, " ", "\n", '"', "=", ":"])).map("".join)
    )
)
def test_doing_it_twice_changes_nothing(text: str) -> None:
    """What was redacted once is stored, and redacted again on its way out."""
    once = redact(text)
    assert redact(once) == once


def test_data_by_the_names_of_its_fields() -> None:
    """A field whose name says that it is secret is blanked whole; others are searched."""
    given = {
        "password": "x",
        "user": {"Authorization": "y", "name": "Ann"},
        "urls": ["https://a:b@c/"],
        "n": 1,
    }
    assert redact_data(given) == {
        "password": REDACTED, "user": {"Authorization": REDACTED, "name": "Ann"},
        "urls": [f"https://a:{REDACTED}@c/"], "n": 1,
    }  # fmt: skip


def test_data_as_sdks_send_it() -> None:
    """Cookies are blanked whatever they are called, headers also where they are pairs; what names them stays."""
    given = {
        "cookies": {"theme": "dark-1", "sid": "abc"},
        "request": {
            "cookies": [["sid", "abc"], ["n", 1]],
            "headers": [["Cookie", "a=b"], ["Accept", "text/html"]],
        },
        "headers": {"X-Api-Key": ["k1", "k2"], "Set-Cookie": ["sid=abc", "x=y"]},
        "pairs": [["X-Api-Key", "k1"], ("password", "k2"), ["token", None]],
        "token": {"type": "string"},
    }
    assert redact_data(given) == {
        "cookies": {"theme": REDACTED, "sid": REDACTED},
        "request": {
            "cookies": [["sid", REDACTED], ["n", 1]], "headers": [["Cookie", REDACTED], ["Accept", "text/html"]],
        },
        "headers": {"X-Api-Key": [REDACTED, REDACTED], "Set-Cookie": [REDACTED, REDACTED]},
        "pairs": [["X-Api-Key", REDACTED], ["password", REDACTED], ["token", None]],
        "token": {"type": "string"},
    }  # fmt: skip
    assert redact_data(redact_data(given)) == redact_data(given)


def test_log_lines() -> None:
    """Message, extra fields and traceback of a log record are redacted."""
    try:
        float("https://user:pw123@example.com/")
    except ValueError as exc:
        info = (type(exc), exc, exc.__traceback__)
    record = logging.LogRecord("x", logging.ERROR, "f", 1, "token=%s", ("deadbeefcafe",), info)
    record.password = "hunter22"
    line = RedactingJsonFormatter("%(message)s").format(record)
    assert json.loads(line)["message"] == f"token={REDACTED}"
    assert not any(secret in line for secret in ("pw123", "deadbeefcafe", "hunter22"))
