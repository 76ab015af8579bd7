"""The agent that needs no model: it reads the evidence, says what it shows and where, and keeps silent otherwise."""

from autofix.explorer.agents.offline.agent import OfflineAgent
from autofix.explorer.agents.offline.investigation import Investigation, investigate

__all__ = ["Investigation", "OfflineAgent", "investigate"]
