"""A model for tests: an OpenAI-compatible server over real HTTP whose every reply is known.

What it replies depends on the conversation alone, not on how often it was asked: a call that is made again has the same answer.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from autofix.prompts import GUIDANCE

INPUT_TOKENS = 1_000
OUTPUT_TOKENS = 100


@dataclass(frozen=True)
class Asked:
    """One request. ``number``: how many replies the model has given on this step before, counted from its newest prompt.

    ``at``: when it came in, on the clock that only goes forward.
    """

    body: dict[str, Any]
    step: str
    number: int
    at: float = field(default_factory=time.monotonic)

    @property
    def messages(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = self.body["messages"]
        return messages

    @property
    def tools(self) -> list[str]:
        return [tool["function"]["name"] for tool in self.body.get("tools", [])]

    @property
    def text(self) -> str:
        """All that the model was sent, as JSON."""
        return json.dumps(self.body, ensure_ascii=False)


@dataclass(frozen=True)
class Answer:
    """What goes back: a body (an object, or bytes as they are) with its status, after a wait that ends when the client goes.

    Status 0: nothing goes back; the server hangs up.
    """

    body: dict[str, Any] | bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    wait_s: float = 0

    @property
    def called(self) -> list[tuple[str, str]]:
        """Names and arguments of the calls in it."""
        assert isinstance(self.body, dict)
        return calls_in(self.body["choices"][0]["message"])


Respond = Callable[[Asked], Answer]


def says(text: str, *calls: tuple[str, dict[str, Any] | str], usage: bool = True) -> Answer:
    """Words and calls of tools; arguments as an object, or as text to be sent as it is."""
    tool_calls = [
        {
            "id": f"call_{number}",  # the same in every reply: some servers are like that
            "type": "function",
            "function": {"name": name, "arguments": given if isinstance(given, str) else json.dumps(given)},
        }
        for number, (name, given) in enumerate(calls)
    ]
    message = {"role": "assistant", "content": text or None} | ({"tool_calls": tool_calls} if calls else {})
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop"}
    total = {
        "prompt_tokens": INPUT_TOKENS,
        "completion_tokens": OUTPUT_TOKENS,
        "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
    }
    body = {
        "id": "chat-1",
        "object": "chat.completion",
        "created": 1,
        "model": "scripted",
        "choices": [choice],
    }
    return Answer(body | ({"usage": total} if usage else {}))


def calls_in(message: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names and arguments of the calls in a message of an assistant."""
    functions = [call["function"] for call in message.get("tool_calls") or ()]
    return [(function["name"], function["arguments"]) for function in functions]


def calls(name: str, **arguments: Any) -> Answer:
    """One call of a tool."""
    return says("", (name, arguments))


def fails(status: int, message: str = "no", *, code: str = "", **headers: str) -> Answer:
    """An error as OpenAI's API sends it; ``Retry_After="1"`` becomes a header."""
    body = {"error": {"message": message, "type": "error", "code": code or None}}
    return Answer(body, status, {name.replace("_", "-"): value for name, value in headers.items()})


def plays(script: Mapping[str, list[Answer]]) -> Respond:
    """The n-th reply on a step is its n-th answer; the last one repeats."""

    def respond(asked: Asked) -> Answer:
        answers = script[asked.step]
        return answers[min(asked.number, len(answers) - 1)]

    return respond


class ModelServer:
    """The server; ``respond`` may be replaced at any time.

    ``asked`` has every request that came in, ``given_up`` those whose client went away during the wait for the answer.
    """

    def __init__(self) -> None:
        self.respond: Respond = lambda _: says("I have nothing to say.")
        self.asked: list[Asked] = []
        self.given_up: list[Asked] = []
        self.on_request: Callable[[int], None] = lambda _: None
        self.knows: set[str] | None = None  # the models that it lists; None: it lists none
        self.key = "key"
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.model = self
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def answer(self, body: dict[str, Any]) -> Answer:
        """Note the request and find its answer."""
        asked = read(body)
        with self._lock:
            self.asked.append(asked)
            count = len(self.asked)
        self.on_request(count)
        return self.respond(asked)

    def models(self, path: str, authorization: str) -> Answer:
        """What it says of one model, or of all that it knows."""
        if authorization != f"Bearer {self.key}":
            return fails(401, "wrong key")
        entries = [
            {"id": name, "object": "model", "created": 1, "owned_by": "us"} for name in self.knows or ()
        ]
        if path.endswith("/models") and self.knows is not None:
            return Answer({"object": "list", "data": entries})
        found = [entry for entry in entries if path.endswith(f"/models/{entry['id']}")]
        return Answer(found[0]) if found else fails(404, "no such model")

    def serve(self) -> None:
        """Until stopped."""
        self._server.serve_forever(poll_interval=0.05)

    def stop(self) -> None:
        """End at once."""
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def model_server() -> Iterator[ModelServer]:
    """A running server, gone afterwards."""
    server = ModelServer()
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join()


def read(body: dict[str, Any]) -> Asked:
    """Which step is asked about, and how far its conversation has come."""
    step, number = "", 0
    for message in body["messages"]:
        if message["role"] == "assistant":
            number += 1
        elif message["role"] == "user":
            found = _step_of(str(message["content"]))
            step, number = (found, 0) if found else (step, number)
    return Asked(body, step, number)


def _step_of(prompt: str) -> str:
    for step, (task, *_) in GUIDANCE.items():
        if prompt.startswith((task, f"The artifact `{step.value}` cannot")):
            return step.value
    return ""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    model: ModelServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing to say of a client that was killed."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave in one packet
    server: _Server

    def setup(self) -> None:
        self.request.setsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
        )  # else the second packet waits 40 ms
        super().setup()

    def do_GET(self) -> None:
        self._send(self.server.model.models(self.path, self.headers["Authorization"] or ""))

    def do_POST(self) -> None:
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = self.server.model.answer(given)
        if answer.wait_s and self._client_leaves_within(answer.wait_s):
            self.server.model.given_up.append(read(given))
            self.close_connection = True
        elif not answer.status:
            self.close_connection = True
        else:
            self._send(answer)

    def _client_leaves_within(self, seconds: float) -> bool:
        # Who waits for an answer sends nothing: what can be read is the connection's end.
        return bool(select.select([self.connection], [], [], seconds)[0])

    def _send(self, answer: Answer) -> None:
        body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        try:
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()
        except OSError:
            self.close_connection = True  # the client has gone away: killed, or cancelled

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""
