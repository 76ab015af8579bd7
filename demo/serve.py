"""``python -m demo.serve``: web server and worker on the embedded default, with a crash to look at."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.text import Text

from demo import program
from demo.processes import Child, children, exit_on_signals
from demo.stack import CHECKOUT, Account, Stack, StackFailed, require_free
from demo.waiting import POLL_S, TookTooLong, wait_for

RESTARTS = 5


class Served:
    """A stack that is kept up until somebody stops it."""

    def __init__(self, stack: Stack, console: Console) -> None:
        self.stack = stack
        self.console = console
        self.restarts = 0

    def set_up(self) -> None:
        """Start everything, and report the demo's crash once so that there is something to look at."""
        require_free(self.stack.host, self.stack.port)
        web = self.stack.start_web()
        shop = program.open_program(self.stack.data_dir / "repositories" / "acme")
        self.stack.manage("migrate", "--verbosity", "0")
        self.stack.start_worker()
        account = self.stack.bootstrap(shop.bare)
        self.stack.wait_until_up(web)
        api = self.stack.api(account)
        if not api.issues():
            # Only now: what somebody has set since the first start stays.
            self.stack.bootstrap(shop.bare, stopping_point="open_pr")
            shop.run(program.CRASHING_BASKET, dsn=account.dsn)
            wait_for(api.issues, "the demo's crash becomes an issue", abort=self.stack.deaths)
        self.introduce(account)

    def introduce(self, account: Account) -> None:
        """Say where everything is."""
        rows = {
            "Issues": f"{self.stack.base_url}/", "API": f"{self.stack.base_url}/api/docs/",
            "User": account.username, "Password": account.password or "as you set it", "Token": account.token,
            "DSN": account.dsn, "Data": str(self.stack.data_dir),
            "Logs": str(self.stack.data_dir / "logs"),
        }  # fmt: skip
        for label, value in rows.items():
            self.console.print(Text.assemble((f"{label:<10}", "bold"), value), soft_wrap=True)
        self.console.print("Ctrl-C stops everything.")

    def keep_up(self) -> None:
        """Restart a child that ends; StackFailed when that happens too often."""
        while True:
            for child in self.stack.children:
                if child.ended:
                    self.restart(child)
            time.sleep(POLL_S)

    def restart(self, child: Child) -> None:
        if self.restarts == RESTARTS:
            raise StackFailed(
                f"{child.name} ended with {child.exit_code} and was restarted too often\n{child.tail()}"
            )
        self.restarts += 1
        self.console.print(
            Text(f"{child.name} ended with {child.exit_code}; starting it again", style="yellow")
        )
        child.start()


def main() -> int:
    """Serve until Ctrl-C."""
    exit_on_signals()
    data_dir = Path(os.environ.get("AUTOFIX_DATA_DIR") or CHECKOUT / "var").expanduser().resolve()
    host, port = os.environ.get("HOST") or "127.0.0.1", int(os.environ.get("PORT") or 8000)
    console = Console()
    with children() as started:
        served = Served(Stack(started, data_dir, os.environ, host=host, port=port), console)
        try:
            served.set_up()
            served.keep_up()
        except (StackFailed, TookTooLong, subprocess.SubprocessError) as exc:
            console.print(Text(str(exc), style="red"))
            return 1
        except KeyboardInterrupt:
            console.print("Stopping.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
