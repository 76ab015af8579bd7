"""What benchmarks share: quantiles, tables, the processor time of processes, and what this machine is."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path

import django
import psycopg
import redis

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
THREE_DIGITS = 100


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest of ``values`` that at least this share of them does not exceed."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, max(0, round(share * len(ranked)) - 1))]


def p50_p99(values: Sequence[float]) -> tuple[float, float]:
    """Median and 99th percentile."""
    return quantile(values, 0.5), quantile(values, 0.99)


def figure(value: float) -> str:
    """A number with three digits that say something."""
    if value == 0 or abs(value) >= THREE_DIGITS:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def table(title: str, header: Sequence[str], rows: Iterable[Sequence[object]], note: str = "") -> str:
    """A Markdown table whose columns are as wide as their cells, so that it reads as plain text, too."""
    cells = [[figure(c) if isinstance(c, float) else str(c) for c in row] for row in rows]
    widths = [max(len(line[i]) for line in [list(header), *cells]) for i in range(len(header))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in [list(header), ["-" * width for width in widths], *cells]
    ]
    return "\n".join([f"### {title}", "", *([note, ""] if note else []), *lines, ""])


def cpu_s(session: int) -> float:
    """Processor seconds (user and system) that the living processes of this session, and their reaped children, have used."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):  # it has just ended
            continue
        if int(fields[3]) == session:
            total += sum(int(field) for field in fields[11:15])
    return total / TICKS_PER_S


class Stolen:
    """What the host of a virtual machine takes of its processors for others, from now on."""

    def __init__(self) -> None:
        self._before = self._ticks()

    def share(self) -> float:
        """Of all that there was."""
        spent = [now - before for now, before in zip(self._ticks(), self._before, strict=True)]
        return spent[-1] / sum(spent)

    @staticmethod
    def _ticks() -> list[int]:
        """user, nice, system, idle, iowait, irq, softirq, steal, as proc(5) has them."""
        first = Path("/proc/stat").read_text(encoding="ascii").partition("\n")[0]
        return [int(field) for field in first.split()[1:9]]


def environment(database_url: str, broker_url: str) -> str:
    """One paragraph on the machine and the servers, without names that only this machine has."""
    parts = [
        f"{os.cpu_count()} cores ({_processor()})",
        f"{platform.system()} {platform.release().partition('-')[0]}",
        f"Python {platform.python_version()}",
        f"Django {django.__version__}",
    ]
    if database_url.startswith("postgres"):
        with psycopg.connect(database_url) as server:
            shown = [server.execute(f"SHOW {name}").fetchone() for name in SHOWN]  # type: ignore[call-overload]  # no literal
        parts += [f"PostgreSQL {' '.join(f'{n}={v[0]}' for n, v in zip(SHOWN, shown, strict=True) if v)}"]
    else:
        parts.append("SQLite")
    if broker_url.startswith("redis"):
        with redis.Redis.from_url(broker_url) as client:
            parts.append(f"Redis {client.info('server')['redis_version']}")
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return f"{'; '.join(parts)}; load before the run {load}."


SHOWN = ("server_version", "fsync", "synchronous_commit")


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
