"""The rules that may change code. Each keeps silent unless the code that it read shows its edit to be right."""

from __future__ import annotations

from autofix.explorer.agents.offline.evidence import Evidence
from autofix.explorer.agents.offline.rules.base import Abstain, Finding, Plan, Rule
from autofix.explorer.agents.offline.rules.empty_sequence import EmptySequence
from autofix.explorer.agents.offline.rules.missing_key import MissingKey, RenamedKey
from autofix.explorer.agents.offline.rules.none_access import NoneAccess
from autofix.explorer.agents.offline.rules.zero_division import ZeroDivision

__all__ = ["RULES", "Abstain", "Finding", "Plan", "Rule", "plan"]

RULES: tuple[Rule, ...] = (NoneAccess(), MissingKey(), RenamedKey(), EmptySequence(), ZeroDivision())


def plan(evidence: Evidence) -> Plan | Abstain:
    """The plan of the one rule that applies and whose edit holds; where none does or two disagree, why not."""
    plans = [found for found in (rule.matches(evidence) for rule in RULES) if found is not None]
    if not plans:
        kind = evidence.exception.type if evidence.exception else "this issue"
        return Abstain("no_rule", f"No rule for {kind} finds its precondition in the code that was read.")
    if len(plans) > 1:
        return Abstain(
            "ambiguous", f"The rules {', '.join(found.rule for found in plans)} plan different edits."
        )
    edited = plans[0].edit(plans[0].file.source)
    return edited if isinstance(edited, Abstain) else plans[0]
