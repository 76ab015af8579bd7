// Makes the panel live. Without it every button still works: each form goes to the server and back.
// What the server rendered is put in place region by region; nothing from outside is ever read as HTML here.

import { follow } from "./stream.js";

const IDLE_POLL_MS = 10_000;
const RETRY_MS = 3_000;
const NOTHING_NEWER = 2 ** 31;
const LONGEST_NOW = 300;
const A_DAY_S = 86_400;

class Panel {
  constructor(root) {
    this.root = root;
    this.regions = new Map();
    this.last = this.lastIndex();
    this.wanted = false;
    this.busy = false;
    this.setClock(root);
    root.addEventListener("submit", (event) => this.submit(event));
    root.addEventListener("click", (event) => this.click(event));
    for (const region of root.querySelectorAll("[data-region]")) this.regions.set(region.dataset.region, region.innerHTML);
    this.dress();
    setInterval(() => this.tick(), 1000);
    setInterval(() => this.look(), IDLE_POLL_MS);
    this.watch();
    root.dataset.ready = "yes";
    performance.mark("autofix-ready");
  }

  // --- following the run ---
  watch() {
    this.stop?.abort();
    const { run, active, stream, seen } = this.root.dataset;
    if (!run || !active) return;
    this.stop = new AbortController();
    follow(`${stream}?run_id=${run}`, seen, this.stop.signal, {
      block: (block) => this.blockCame(block),
      step: () => this.refresh(),
      run: () => this.refresh(),
      ended: () => this.refresh(),
      lost: (words) => this.tell("[data-lost]", words),
      found: () => this.tell("[data-lost]", ""),
    });
  }

  blockCame(block) {
    this.from = Math.min(this.from ?? Infinity, block.index - 1);
    clearTimeout(this.blockTimer);
    this.blockTimer = setTimeout(() => this.appendBlocks(), 150);
  }

  async appendBlocks() {
    const list = this.root.querySelector("[data-entries]");
    if (!list) return;
    const since = Math.min(this.from ?? this.last, this.last);
    this.from = undefined;
    const page = await this.page(`${this.root.dataset.blocks}?run_id=${this.root.dataset.run}&since=${since}`);
    if (!page) return;
    const fresh = [...page.querySelectorAll("[data-index]")];
    if (since < this.last) for (const old of list.querySelectorAll("[data-index]")) if (Number(old.dataset.index) > since) old.remove();
    list.append(...fresh);
    this.last = this.lastIndex();
    const said = fresh.flatMap((entry) => [...entry.querySelectorAll("[data-gist]")]).at(-1)?.textContent;
    const now = this.root.querySelector("[data-now]");
    if (said && now) now.textContent = said.slice(0, LONGEST_NOW);
    const count = this.root.querySelector("[data-count]");
    if (count) count.textContent = `${this.last + 1} block${this.last ? "s" : ""}`;
    if (fresh.length >= 500) await this.appendBlocks();
  }

  lastIndex() {
    const entries = this.root.querySelectorAll("[data-entries] > [data-index]");
    return entries.length ? Number(entries[entries.length - 1].dataset.index) : -1;
  }

  async look() {
    // An idle page finds out that somebody else, or automation, went on: the answer is a 304 as long as nothing did.
    const { run, status, active, updated, api } = this.root.dataset;
    if (active || document.hidden || !api) return;
    const answer = await fetch(`${api}?since=${NOTHING_NEWER}`, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!answer?.ok) return;
    const { autofix } = await answer.json();
    const now = autofix ? standing(autofix.run_id, autofix.status, autofix.updated_at) : "";
    const known = this.known ?? (run ? standing(run, status, updated) : "");
    this.known = now;
    if (now === known && !this.root.querySelector("[data-undecided]")) return;
    // Who reads a run goes on reading it: a newer one is offered above it. A page without one shows the first.
    await this.refresh(run || autofix?.run_id);
  }

  // --- putting what the server rendered in place ---
  async refresh(run = this.root.dataset.run) {
    if (this.busy) { this.wanted = true; return; }
    this.busy = true;
    clearTimeout(this.again);
    try {
      const page = await this.page(`${this.root.dataset.panel}${run ? `?run_id=${run}` : ""}`);
      const fresh = page?.querySelector("#autofix[data-api]");
      if (fresh) { this.tell("[data-stale]", ""); this.show(fresh); }
      else if (page) this.tell("[data-stale]", "What you see is no longer brought up to date: perhaps you are logged out. Reload the page.");
      else {
        this.tell("[data-stale]", "The server could not be reached: what you see may be old. Trying again.");
        this.again = setTimeout(() => this.refresh(run), RETRY_MS);
      }
    } finally {
      this.busy = false;
    }
    if (this.wanted) { this.wanted = false; setTimeout(() => this.refresh(), 250); }
  }

  show(fresh) {
    const { run, active } = this.root.dataset;
    const other = fresh.dataset.run !== run;
    this.setClock(fresh);
    for (const name of ["run", "status", "active", "updated", "seen"]) this.root.dataset[name] = fresh.dataset[name] ?? "";
    if (other) { this.replaceWhole(fresh); this.watch(); return; }
    for (const region of fresh.querySelectorAll("[data-region]")) {
      if (region.dataset.region !== "columns") this.replace(region.dataset.region, region.innerHTML, region);
    }
    this.dress();
    this.say();
    if (Number.parseInt(fresh.dataset.seen, 10) > this.last) this.appendBlocks();
    if (!active && this.root.dataset.active) this.watch();
  }

  replaceWhole(fresh) {
    const focused = this.root.contains(document.activeElement);
    this.root.replaceChildren(...fresh.childNodes);
    this.regions.clear();
    for (const region of this.root.querySelectorAll("[data-region]")) this.regions.set(region.dataset.region, region.innerHTML);
    this.last = this.lastIndex();
    this.dress();
    this.say();
    const title = this.root.querySelector("#autofix-title");
    title.scrollIntoView({ block: "nearest" });
    if (focused) title.focus({ preventScroll: true });
  }

  replace(name, html, region) {
    // Tokens differ each time and mean the same.
    const plain = (text) => text.replace(/(csrfmiddlewaretoken" value=")[^"]*/g, "$1");
    const place = this.root.querySelector(`[data-region="${name}"]`);
    if (!place || plain(html) === plain(this.regions.get(name) ?? "")) return;
    this.regions.set(name, html);
    const open = new Map([...place.querySelectorAll("details[data-key]")].map((each) => [each.dataset.key, each.open]));
    const typed = new Map([...place.querySelectorAll("textarea[id], input[id], select[id]")].map((each) => [each.id, each.value]));
    const split = place.querySelector("[data-keep]")?.checked;
    const focused = place.contains(document.activeElement) ? document.activeElement : null;
    place.replaceChildren(...region.childNodes);
    for (const each of place.querySelectorAll("details[data-key]")) if (open.has(each.dataset.key)) each.open = open.get(each.dataset.key);
    for (const [id, value] of typed) { const field = place.querySelector(`#${CSS.escape(id)}`); if (field && value) field.value = value; }
    const box = place.querySelector("[data-keep]");
    if (box && split !== undefined) box.checked = split;
    if (!focused) return;
    // What was in use may be gone: who works with the keyboard goes on from the panel, not from the page's top.
    const again = focused.id ? place.querySelector(`#${CSS.escape(focused.id)}`) : null;
    (again ?? this.root.querySelector("#autofix-title")).focus({ preventScroll: true });
  }

  dress() {
    for (const button of this.root.querySelectorAll("[data-copy]")) button.hidden = !navigator.clipboard;
  }

  say() {
    const step = this.root.querySelector("[aria-current=step] .af-step-name")?.textContent;
    const state = this.root.querySelector(".af-head .af-badge")?.textContent ?? "";
    const text = step ? `${state}: ${step}` : state;
    const live = this.root.querySelector("[data-live]");
    if (live && live.textContent !== text) live.textContent = text;
  }

  setClock(rendered) {
    // By the server's clock, which the times are of: this machine's may be wrong.
    this.ahead = Date.parse(rendered.dataset.clock) - Date.now();
  }

  secondsSince(moment) {
    return Math.max(0, Math.round((Date.now() + this.ahead - Date.parse(moment)) / 1000));
  }

  tick() {
    for (const each of this.root.querySelectorAll("[data-since]")) write(each, elapsed(this.secondsSince(each.dataset.since)));
    for (const each of document.querySelectorAll("time[data-autofix-ago]")) {
      const seconds = this.secondsSince(each.dateTime);
      if (seconds < A_DAY_S) write(each, ago(seconds)); // what is older stays as it was written
    }
  }

  // --- what a person does ---
  async submit(event) {
    const form = event.target;
    if (!form.dataset.form) return;
    event.preventDefault();
    if (form.getAttribute("aria-busy") === "true") return;
    form.setAttribute("aria-busy", "true");
    const body = {};
    for (const [name, value] of new FormData(form, event.submitter)) {
      if (["csrfmiddlewaretoken", "next"].includes(name) || value.trim() === "") continue;
      const path = name.split(".");
      const key = path.pop();
      path.reduce((place, part) => (place[part] ??= {}), body)[key] = value;
    }
    try {
      const answer = await fetch(form.dataset.form, {
        method: "POST",
        headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": form.elements.csrfmiddlewaretoken?.value ?? "" },
        body: JSON.stringify(body),
      });
      const said = await answer.json();
      if (answer.ok) { this.tell("[data-refusal]", ""); await this.refresh(said.run_id); this.watch(); }
      else this.tell("[data-refusal]", [said.detail, ...Object.values(said.errors ?? {}).flat()].join(" "));
    } catch {
      this.tell("[data-refusal]", "The server could not be reached. Nothing was changed, as far as this page knows: try again.");
    } finally {
      form.removeAttribute("aria-busy");
    }
  }

  tell(where, text) {
    const place = this.root.querySelector(where);
    if (place.textContent === text) return;
    place.textContent = text;
    place.hidden = !text;
  }

  async click(event) {
    const copy = event.target.closest("[data-copy]");
    const earlier = event.target.closest("[data-earlier]");
    if (copy) {
      await this.copyChanges(copy);
    } else if (earlier) {
      event.preventDefault();
      await this.showEarlier(earlier);
    }
  }

  async copyChanges(button) {
    try {
      const answer = await fetch(button.dataset.copy, { headers: { Accept: "text/x-diff" } });
      if (!answer.ok) throw new Error(answer.statusText);
      const diff = await answer.text();
      const files = diff.split(/^(?=diff --git )/m);
      await navigator.clipboard.writeText(files.find((file) => file.split("\n", 1)[0].endsWith(` b/${button.dataset.path}`)) ?? diff);
    } catch {
      this.tell("[data-refusal]", "The changes could not be copied: try again, or download the patch.");
      return;
    }
    this.tell("[data-refusal]", "");
    const says = button.querySelector("[data-says]");
    says.textContent = this.root.querySelector("[data-live]").textContent = "Copied";
    setTimeout(() => { says.textContent = "Copy"; }, 2000);
  }

  async showEarlier(link) {
    const list = this.root.querySelector("[data-entries]");
    const first = list.querySelector("[data-index]")?.dataset.index ?? "0";
    const page = await this.page(`${this.root.dataset.blocks}?run_id=${this.root.dataset.run}&before=${first}`);
    this.tell("[data-refusal]", page ? "" : "The earlier blocks could not be fetched: try again.");
    if (!page) return;
    const more = page.querySelector("[data-more]")?.dataset.more;
    list.prepend(...page.querySelectorAll("[data-index]"));
    if (more) link.textContent = `Show earlier ones (${more})`;
    else link.parentElement.remove();
  }

  async page(url) {
    const answer = await fetch(url, { headers: { Accept: "text/html" } }).catch(() => null);
    return answer?.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
  }
}

function write(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

function standing(run, status, updated) {
  return `${run} ${status} ${Date.parse(updated)}`;
}

function elapsed(seconds) {
  const minutes = Math.floor(seconds / 60);
  if (!minutes) return `${seconds} s`;
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function ago(seconds) {
  // In the server's words, so that nothing jumps when it renders them again.
  const minutes = Math.floor(seconds / 60);
  if (!minutes) return "just now";
  const [number, unit] = minutes < 60 ? [minutes, "minute"] : [Math.floor(minutes / 60), "hour"];
  return `${number}\u00a0${unit}${number > 1 ? "s" : ""} ago`;
}

for (const root of document.querySelectorAll("#autofix[data-api]")) new Panel(root);
