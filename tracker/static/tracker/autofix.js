// Shows what autofix makes of this issue, from its public API. Everything is written as text, never as HTML.
"use strict";

const panel = document.getElementById("autofix");
const state = panel.querySelector("[role=status]");
const artifacts = panel.querySelector(".artifacts");
const form = panel.querySelector("form");
const POLL_MS = 2000;

async function show() {
  const answer = await fetch(panel.dataset.url, { headers: { Accept: "application/json" } });
  const body = await answer.json();
  if (!answer.ok) {
    state.textContent = body.detail;
    return;
  }
  const run = body.autofix;
  form.querySelector("button").disabled = run !== null && run.status === "processing";
  if (run === null) {
    state.textContent = "Autofix has not looked at this issue yet.";
    return;
  }
  const failure = run.failure ? `: ${run.failure.detail}` : "";
  state.textContent = `Run ${run.run_id}: ${run.status}${failure}`;
  artifacts.replaceChildren();
  for (const step of run.steps) write(`${step.step}: ${step.status}`, run.artifacts[step.step]);
  for (const [name, files] of Object.entries(run.code_changes)) {
    for (const file of files) write(`${name}: ${file.path}`, file.diff);
  }
  for (const pull of Object.values(run.repo_pr_states)) write(`Pull request: ${pull.pr_creation_status}`, pull.pr_url);
  if (run.status === "processing") setTimeout(show, POLL_MS);
}

function write(title, content) {
  const heading = document.createElement("h3");
  heading.textContent = title;
  artifacts.append(heading);
  if (!content) return;
  const text = document.createElement("pre");
  text.textContent = typeof content === "string" ? content : JSON.stringify(content, null, 2);
  artifacts.append(text);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
  const answer = await fetch(panel.dataset.url, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": token },
    body: "{}",
  });
  const body = await answer.json();
  if (answer.ok) await show();
  else state.textContent = body.detail;
});

show();
