"""mini-swe-agent as it comes: its default agent, its model on litellm, its shell on this machine.

It writes its whole trajectory into a file after every step, as its command line does; it cannot go on from there.
"""

from __future__ import annotations

import os

from loop import FOLDER, URL, measured

# Before it is imported: no banner, no configuration of this user's, no price list to look up, no questions asked at start.
os.environ |= {
    "MSWEA_SILENT_STARTUP": "1", "MSWEA_GLOBAL_CONFIG_DIR": str(FOLDER), "MSWEA_COST_TRACKING": "ignore_errors",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
}  # fmt: skip

from minisweagent.agents.default import DefaultAgent
from minisweagent.environments.local import LocalEnvironment
from minisweagent.models.litellm_model import LitellmModel


def converse(task: str, number: int) -> int:
    """Its loop: ask, run the command in a shell, ask again, until it submits."""
    model = LitellmModel(model_name="openai/scripted", model_kwargs={"api_base": URL, "api_key": "none"})
    agent = DefaultAgent(
        model,
        LocalEnvironment(cwd=str(FOLDER)),
        system_template="You investigate errors of running programs.",
        instance_template="{{task}}",
        output_path=FOLDER / f"{number}.json",
    )
    ended = agent.run(task)
    if ended.get("exit_status") != "Submitted":
        raise RuntimeError(f"It ended with {ended}")
    return agent.n_calls


if __name__ == "__main__":
    measured(converse)
