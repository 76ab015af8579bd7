"""The page for consumers verifies what we sign."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autofix.delivery.signing import standard_headers
from autofix.secrets import new_webhook_secret

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "webhooks.md"
BODY = '{"type": "autofix.ping", "x": "Grüße"}'.encode()

GO = """package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

{verify}
func main() {{
	var given struct {{
		Secret, Body string
		Headers      map[string]string
	}}
	if err := json.NewDecoder(os.Stdin).Decode(&given); err != nil {{
		panic(err)
	}}
	header := http.Header{{}}
	for name, value := range given.Headers {{
		header.Set(name, value)
	}}
	fmt.Print(verify(given.Secret, header, []byte(given.Body)))
}}
"""


def example(language: str) -> str:
    """The page's code in that language."""
    found = re.search(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def headers(secrets: list[str], *, age_s: int = 0) -> dict[str, str]:
    """What we send with BODY."""
    timestamp = int(time.time()) - age_s
    return standard_headers("evt_1", timestamp=timestamp, attempt=1, body=BODY, secrets=secrets)


def in_python(secret: str, sent: dict[str, str], body: bytes) -> bool:
    """By the page's Python."""
    namespace: dict[str, Any] = {}
    exec(compile(example("python"), str(PAGE), "exec"), namespace)  # noqa: S102 - our own page
    return bool(namespace["verify"](secret, sent, body))


def in_javascript(secret: str, sent: dict[str, str], body: bytes) -> bool:
    """By the page's JavaScript."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    call = f"process.stdout.write(String(verify({secret!r}, {sent!r}, Buffer.from({body.hex()!r}, 'hex'))))"
    done = subprocess.run(
        ["node", "-e", f"{example('javascript')}\n{call}"], capture_output=True, text=True, check=True
    )
    return done.stdout == "true"


def in_go(secret: str, sent: dict[str, str], body: bytes) -> bool:
    """By the page's Go."""
    if shutil.which("go") is None:
        pytest.skip("go is not installed")
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "main.go"
        program.write_text(GO.format(verify=example("go")), encoding="utf-8")
        given = json.dumps({"secret": secret, "headers": sent, "body": body.decode()})
        command = ["go", "run", str(program)]
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=True, cwd=folder)
    return done.stdout == "true"


@pytest.mark.parametrize("verify", [in_python, in_javascript, in_go])
def test_examples(verify: Callable[[str, dict[str, str], bytes], bool]) -> None:
    """They take what is right, also while a secret rotates, and nothing else."""
    secret, other = new_webhook_secret(), new_webhook_secret()
    assert verify(secret, headers([secret]), BODY)
    assert verify(secret, headers([other, secret]), BODY)
    assert not verify(secret, headers([other]), BODY)
    assert not verify(secret, headers([secret]), BODY + b" ")
    assert not verify(secret, headers([secret], age_s=600), BODY)
