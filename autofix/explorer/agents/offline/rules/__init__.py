"""The rules that may change code. Each keeps silent unless the code that it read shows its edit to be right."""

from __future__ import annotations

from autofix.explorer.agents.offline.evidence import Evidence
from autofix.explorer.agents.offline.rules.base import Abstain, Finding, Plan, Rule
from autofix.explorer.agents.offline.rules.blank_number import BlankNumber
from autofix.explorer.agents.offline.rules.blank_text import BlankText
from autofix.explorer.agents.offline.rules.changed_signature import ChangedSignature
from autofix.explorer.agents.offline.rules.changed_while_walked import ChangedWhileWalked
from autofix.explorer.agents.offline.rules.collected_lookups import CollectedLookups
from autofix.explorer.agents.offline.rules.empty_sequence import EmptySequence
from autofix.explorer.agents.offline.rules.endless_recursion import EndlessRecursion
from autofix.explorer.agents.offline.rules.missing_import import MissingImport
from autofix.explorer.agents.offline.rules.missing_key import MissingKey, RenamedKey
from autofix.explorer.agents.offline.rules.none_access import NoneAccess
from autofix.explorer.agents.offline.rules.none_among_values import NoneAmongValues
from autofix.explorer.agents.offline.rules.none_arithmetic import NoneArithmetic
from autofix.explorer.agents.offline.rules.removed_floor import RemovedFloor
from autofix.explorer.agents.offline.rules.restored_argument import RestoredArgument
from autofix.explorer.agents.offline.rules.restored_default import RestoredDefault
from autofix.explorer.agents.offline.rules.restored_filter import RestoredFilter
from autofix.explorer.agents.offline.rules.restored_guard import RestoredGuard
from autofix.explorer.agents.offline.rules.restored_handler import RestoredHandler
from autofix.explorer.agents.offline.rules.restored_start import RestoredStart
from autofix.explorer.agents.offline.rules.text_for_number import TextForNumber
from autofix.explorer.agents.offline.rules.unguarded_next import UnguardedNext
from autofix.explorer.agents.offline.rules.unset_local import UnsetLocal
from autofix.explorer.agents.offline.rules.wrong_encoding import WrongEncoding
from autofix.explorer.agents.offline.rules.wrong_name import WrongName
from autofix.explorer.agents.offline.rules.zero_division import ZeroDivision

__all__ = ["INFERRING", "RESTORING", "RULES", "Abstain", "Finding", "Plan", "Rule", "plan"]

RULES: tuple[Rule, ...] = (
    NoneAccess(), CollectedLookups(), NoneArithmetic(), MissingKey(), RenamedKey(), EmptySequence(), UnguardedNext(),
    ZeroDivision(), RemovedFloor(), BlankNumber(), ChangedWhileWalked(), WrongName(), MissingImport(), ChangedSignature(),
    EndlessRecursion(),
)  # fmt: skip
"""Each for one kind of mistake."""

RESTORING: tuple[Rule, ...] = (
    RestoredGuard(), RestoredDefault(), RestoredStart(), RestoredFilter(), RestoredArgument(), RestoredHandler(),
)  # fmt: skip
"""For any kind: what a commit took away comes back. Asked where none of the others has a plan."""

INFERRING: tuple[Rule, ...] = (BlankText(), WrongEncoding(), TextForNumber(), NoneAmongValues(), UnsetLocal())
"""What the code around it shows to be meant. Asked last: what stood there before would say it better."""


def plan(evidence: Evidence) -> Plan | Abstain:
    """The plan of the one rule that applies and whose edit holds; where none does or two disagree, why not."""
    plans = _plans(RULES, evidence) or _plans(RESTORING, evidence) or _plans(INFERRING, evidence)
    if not plans:
        kind = evidence.exception.type if evidence.exception else "this issue"
        return Abstain("no_rule", f"No rule for {kind} finds its precondition in the code that was read.")
    edits = [found.edit(found.file.source) for found in plans]
    if any(
        (found.file.path, edit) != (plans[0].file.path, edits[0])
        for found, edit in zip(plans, edits, strict=True)
    ):
        return Abstain(
            "ambiguous", f"The rules {', '.join(found.rule for found in plans)} plan different edits."
        )
    return edits[0] if isinstance(edits[0], Abstain) else plans[0]


def _plans(rules: tuple[Rule, ...], evidence: Evidence) -> list[Plan]:
    return [found for found in (rule.matches(evidence) for rule in rules) if found is not None]
