"""The demo's parts that need no server."""

from __future__ import annotations

import json
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from standardwebhooks import Webhook

from demo.processes import Child, children
from demo.program import CRASHING_BASKET, FINE_BASKET, build_program, git, open_program
from demo.receiver import is_signed, receiver
from demo.report import outline
from demo.waiting import TookTooLong, wait_for

SECRET = "whsec_" + "c2VjcmV0IG9mIHRoaXJ0eS10d28gYnl0ZXMuLi4uLi4u"
SLEEPER = "import time, sys; print('begun', flush=True); time.sleep(600)"


class TestProgram:
    def test_history_is_the_same_everywhere(self, tmp_path: Path) -> None:
        """Two builds have the same head: authors, dates and contents do not depend on the machine."""
        first, second = (build_program(tmp_path / name) for name in ("first", "second"))
        assert first.head == second.head
        authors = set(git(first.bare, "log", "--format=%an").splitlines())
        assert len(authors) >= 3

    def test_it_crashes_on_one_basket_only(self, tmp_path: Path) -> None:
        """The program is real: it works, and on the outdated voucher it crashes with an AttributeError."""
        shop = open_program(tmp_path / "shop")
        assert shop.run(FINE_BASKET).exit_code == 0
        crashed = shop.run(CRASHING_BASKET)
        assert crashed.exit_code == 1
        assert crashed.last_error_line.startswith("AttributeError: 'NoneType'")

    def test_half_a_build_is_built_again(self, tmp_path: Path) -> None:
        """A build that was stopped in the middle does not stay in the way."""
        (tmp_path / "shop" / "desk").mkdir(parents=True)
        assert open_program(tmp_path / "shop").run(FINE_BASKET).exit_code == 0


class TestReceiver:
    def headers(self, body: str) -> dict[str, str]:
        webhook, now = Webhook(SECRET), time.time()
        signed_at = datetime.fromtimestamp(int(now), tz=UTC)
        return {
            "webhook-id": "evt_1",
            "webhook-timestamp": str(int(now)),
            "webhook-signature": webhook.sign("evt_1", signed_at, body),
        }

    def test_signature_of_the_standards_own_library_is_right(self) -> None:
        """The demo's check agrees with the reference implementation, and notices each thing that is changed."""
        headers = self.headers("{}")
        assert is_signed(SECRET, headers, b"{}")
        assert not is_signed(SECRET, headers, b"{ }")
        assert not is_signed(SECRET, headers | {"webhook-id": "evt_2"}, b"{}")
        assert not is_signed(SECRET, headers | {"webhook-timestamp": "1"}, b"{}")
        assert is_signed(
            SECRET, headers | {"webhook-signature": f"v1,x {headers['webhook-signature']}"}, b"{}"
        )

    def test_events_are_verified_kept_once_and_sorted(self) -> None:
        """A repeated delivery counts once; a forged one is refused and counted as such."""
        body = json.dumps({"run_id": 1, "sequence": 1, "type": "autofix.ping"})
        with receiver() as heard, requests.Session() as session:
            heard.secret = SECRET
            session.trust_env = False
            for _ in range(2):
                assert session.post(heard.url, data=body, headers=self.headers(body)).status_code == 204
            assert session.post(heard.url, data="{}", headers=self.headers(body)).status_code == 401
            assert [event.type for event in heard.events(1)] == ["autofix.ping"]
            assert heard.events(2) == []
            assert heard.refused() == 1


class TestProcesses:
    def child(self, tmp_path: Path, code: str) -> Child:
        return Child(
            "child", [sys.executable, "-c", code], directory=tmp_path, environment={}, log=tmp_path / "log"
        )

    def test_children_end_with_the_block(self, tmp_path: Path) -> None:
        """Leaving the block by an exception stops every child."""
        child = self.child(tmp_path, SLEEPER)
        with pytest.raises(KeyboardInterrupt), children() as started:  # noqa: PT012  # the exception must leave the block
            started.start(child)
            wait_for(lambda: "begun" in child.tail(), "it says something")
            raise KeyboardInterrupt
        assert child.exit_code == -signal.SIGTERM

    def test_a_deaf_child_is_ended_by_force(self, tmp_path: Path) -> None:
        """A child that ignores SIGTERM gets SIGKILL after its time of grace."""
        child = self.child(
            tmp_path, "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + SLEEPER
        )
        child.start()
        wait_for(lambda: "begun" in child.tail(), "it says something")
        child.stop(grace_s=0.1)
        assert child.exit_code == -signal.SIGKILL

    def test_waiting_ends_early_when_it_is_hopeless(self) -> None:
        """``abort`` says why a condition cannot come true any more."""
        with pytest.raises(TookTooLong, match="the tea is ready: the kettle is dead"):
            wait_for(lambda: None, "the tea is ready", abort=lambda: "the kettle is dead")


class TestReport:
    def test_outline_names_the_parts_and_leaves_out_the_empty_ones(self) -> None:
        """An artifact of any shape becomes readable lines."""
        cited = {"kind": "code", "path": "a.py", "start_line": 3, "quote": "x = 1\ny = 2"}
        parts = {"one_line": "x", "empty": [], "none": None, "whys": ["b"], "who": {"name": "c"}}
        assert outline(parts) == ["one line: x", "whys:", "  - b", "who:", "  name: c"]
        assert outline({"evidence": [cited, {"title": "t", "text": "u"}]})[1:] == [
            "  - a.py:3  x = 1",
            "  - t, u",
        ]
