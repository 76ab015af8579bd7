"""An agent that asks a model: tools, typed results, budgets. The library behind it is loaded when a turn runs."""

from autofix.explorer.agents.llm.agent import LLMAgent

__all__ = ["LLMAgent"]
