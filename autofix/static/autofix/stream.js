// Server-sent events by fetch: unlike EventSource it can say from the start which event was seen last.

const RETRY_MS = 1000;
const LONGEST_RETRY_MS = 15_000;

export async function follow(url, seen, signal, listeners) {
  let wait = RETRY_MS;
  while (!signal.aborted) {
    try {
      const answer = await fetch(url, { headers: { Accept: "text/event-stream", "Last-Event-ID": seen }, signal });
      if (answer.status === 204) { listeners.ended(); return; }
      if (!answer.ok) { listeners.lost("This page cannot follow the run any more: reload it."); return; }
      listeners.found();
      wait = RETRY_MS;
      for await (const event of events(answer.body)) {
        if (event.id) seen = event.id;
        if (event.name in listeners && event.data) listeners[event.name](JSON.parse(event.data));
      }
    } catch {
      if (!signal.aborted) listeners.lost("No connection: what you see may be old. Trying again.");
      wait = Math.min(wait * 2, LONGEST_RETRY_MS);
    }
    if (!signal.aborted) await new Promise((resolve) => { setTimeout(resolve, wait); });
  }
}

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const frames = (rest + value).split("\n\n");
    rest = frames.pop();
    for (const frame of frames) yield parsed(frame);
  }
}

function parsed(frame) {
  const event = { id: "", name: "message", data: "" };
  for (const line of frame.split("\n")) {
    if (line.startsWith("id: ")) event.id = line.slice(4);
    else if (line.startsWith("event: ")) event.name = line.slice(7);
    else if (line.startsWith("data: ")) event.data += line.slice(6);
  }
  return event;
}
