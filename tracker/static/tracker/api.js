// Lets a person try the calls that the page describes. Without it the page says everything, and a command line does the same.

const MOST_SHOWN = 200_000;
const page = document.querySelector("[data-api]");

for (const each of page.querySelectorAll("[data-needs-script]")) each.hidden = false;
page.addEventListener("submit", (event) => {
  event.preventDefault();
  send(event.target);
});
addEventListener("hashchange", unfold);
unfold();

function unfold() {
  const call = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (call?.matches("details.call")) call.open = true;
}

async function send(form) {
  if (form.getAttribute("aria-busy") === "true") return;
  const stop = new AbortController();
  const button = form.querySelector("[data-stop]");
  button.onclick = () => stop.abort();
  form.setAttribute("aria-busy", "true");
  form.querySelector("[data-answer]").hidden = false;
  tell(form, "Waiting for the answer");
  show(form, "");
  const slow = setTimeout(() => { button.hidden = false; }, 500);
  try {
    const { url, options } = asked(form);
    const began = performance.now();
    const answer = await fetch(url, { ...options, signal: stop.signal });
    tell(form, `${answer.status} ${answer.statusText}, ${Math.round(performance.now() - began)} ms`, !answer.ok);
    await read(form, answer);
  } catch (error) {
    if (!stop.signal.aborted) tell(form, `No answer: ${error.message}`, true);
  } finally {
    clearTimeout(slow);
    button.hidden = true;
    form.removeAttribute("aria-busy");
  }
}

function asked(form) {
  const query = new URLSearchParams();
  const headers = { Accept: "application/json, text/plain, text/event-stream, text/x-diff" };
  let path = form.dataset.path;
  for (const { name, value, dataset } of form.querySelectorAll("input[data-place]")) {
    if (value === "") continue;
    if (dataset.place === "path") path = path.replace(`{${name}}`, encodeURIComponent(value));
    else if (dataset.place === "query") query.append(name, value);
    else headers[name] = value;
  }
  const token = page.querySelector("#token").value.trim();
  if (token) headers.Authorization = `Bearer ${token}`;
  else headers["X-CSRFToken"] = page.querySelector("[name=csrfmiddlewaretoken]").value;
  const body = form.querySelector("[data-body]")?.value;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const options = { method: form.dataset.method, headers, body, credentials: token ? "omit" : "same-origin" };
  return { url: query.size ? `${path}?${query}` : path, options };
}

async function read(form, answer) {
  // Piece by piece: a stream of events ends only with its run.
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true };
    if (done) break;
    text = (text + value).slice(-MOST_SHOWN);
    show(form, text);
  }
  if (answer.headers.get("Content-Type")?.includes("json")) {
    try { show(form, JSON.stringify(JSON.parse(text), null, 2)); } catch { /* cut, or no JSON after all: it stays as it came */ }
  }
}

function tell(form, words, refused = false) {
  const place = form.querySelector("[data-status]");
  place.textContent = words;
  place.classList.toggle("refused", refused);
}

function show(form, text) {
  const place = form.querySelector("[data-text]");
  place.textContent = text;
  place.hidden = !text;
}
