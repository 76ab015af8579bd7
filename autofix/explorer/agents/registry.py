"""Which agents there are, by the word of ``EXPLORER.OPTIONS.AGENT``."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec

from django.utils.module_loading import import_string

from autofix import conf
from autofix.asking import ask
from autofix.exceptions import AgentFailed
from autofix.explorer.agents.base import Agent

AGENTS = {
    "offline": "autofix.explorer.agents.offline.OfflineAgent",
    "scripted": "autofix.explorer.agents.scripted.ScriptedAgent",
    "llm": "autofix.explorer.agents.llm.LLMAgent",
}


def get_agent(name: str) -> Agent:
    """A new agent of that name; AgentFailed with code ``agent_unavailable`` when it cannot work here."""
    reason = ask(("agent", name), partial(problem, name))
    if reason:
        raise AgentFailed(reason, code="agent_unavailable")
    agent: Agent = import_string(AGENTS[name])()
    return agent


def problem(name: str) -> str:
    """Empty when the agent can work here; else a sentence that says why not."""
    options = conf.settings().explorer.options
    try:
        import_string(AGENTS[name])
    except ImportError:
        return f"The agent {name!r} is not installed here."
    if name == "scripted" and (options.script is None or not options.script.is_file()):
        return "The scripted agent needs a script file (AUTOFIX_SCRIPT)."
    if name == "llm" and not options.llm_model:
        return "The LLM agent needs a model (AUTOFIX_LLM_MODEL)."
    if name == "llm" and find_spec("pydantic_ai") is None:
        return "The LLM agent needs the extra 'llm'."
    return ""
