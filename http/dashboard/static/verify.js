// Checks a checkpoint that its reader kept, in their browser (ledger.js): the steps and verdicts are those of the
// server's own check, services/checkpoint_check.py, and so are the words, which come with the page.
"use strict";

const words = JSON.parse(document.getElementById("check-words").dataset.words);

// A check that came to its verdict; `said` are the figures that its words name.
class Verdict {
  constructor(code, said = {}) {
    this.code = code;
    this.said = said;
  }
}

function element(name, className, ...parts) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...parts);
  return made;
}

// A text with its figures: whole numbers with separators, hashes and names of logs as code.
function told(text, said) {
  return text.split(/\{(\w+)\}/).map((part, at) => (at % 2 ? figure(said[part]) : part));
}

function figure(value) {
  if (value === undefined) return "none";
  if (typeof value === "number") return value.toLocaleString("en");
  return /^([0-9a-f]{8,}|[^ ]+\/log(\/[^ ]*)?)$/.test(value) ? element("code", "did", value) : String(value);
}

function drawStep({ code, held, said }) {
  const [title, good, bad] = words.steps[code];
  const head = element("p", "title", title);
  if (!held) head.append(element("span", "unseen", ": failed"));
  const item = element("li", held ? "good" : "bad");
  item.append(head, element("p", "", ...told(held ? good : bad, said)));
  return item;
}

function drawVerdict({ code, said }) {
  const [tone, title, meaning, advice] = words.verdicts[code];
  const box = element("div", `verdict ${tone}`);
  box.dataset.verdict = code;
  box.append(
    element("p", "title", ...told(title, said)),
    element("p", "", ...told(meaning, said)),
    element("p", "next", ...told(advice, said)),
  );
  return box;
}

// Pasting changes the ends of lines, and drops or adds empty ones around.
function tidy(text) {
  return text.replace(/\r\n/g, "\n").replace(/^[\n \t]+|[\n \t]+$/g, "") + "\n";
}

async function asked(place, from, entry) {
  const query = new URLSearchParams();
  if (from !== null) query.set("from", from);
  if (entry !== null) query.set("entry", entry);
  try {
    const answer = await fetch(`${place}/proofs?${query}`, { redirect: "error" });
    if (answer.ok) return await answer.json();
  } catch {
    // as if it had answered with an error
  }
  throw new Verdict("unanswered");
}

async function check({ place, text, entry, vkey }) {
  const steps = [];
  const step = (code, held, said = {}) => steps.push({ code, held, said });
  try {
    if (!(await Ledger.able())) throw new Verdict("unable");
    const { note, kept } = read(text, step);
    const found = await asked(place, String(kept.size), entry);
    const keys = await trusted(found, kept, note, vkey, step);
    if (!(await Ledger.wellSigned(note, keys))) {
      step("signature", false, { id: ids(keys) });
      throw new Verdict("forged");
    }
    step("signature", true, { id: ids(keys) });
    const now = await current(found, step);
    acrossGap(found, kept, now);
    await grown(found, kept, now, step);
    if (entry !== null) await included(found, Number(entry), now, step);
    const verdict = kept.size === 0 ? "empty" : kept.size === now.size ? "same" : "holds";
    throw new Verdict(verdict, { size: kept.size, grown: now.size - kept.size });
  } catch (verdict) {
    if (!(verdict instanceof Verdict)) throw verdict;
    return { steps, verdict };
  }
}

function read(text, step) {
  try {
    const note = Ledger.readNote(text);
    const kept = Ledger.readCheckpoint(note.text);
    step("read", true, { origin: kept.origin, size: kept.size, root: Ledger.hex(kept.root) });
    return { note, kept };
  } catch (error) {
    if (!(error instanceof Ledger.NotProven)) throw error;
    step("read", false, { why: error.message });
    throw new Verdict("malformed");
  }
}

// The keys of this very log by which the note is signed.
async function trusted(found, kept, note, vkey, step) {
  const log = found.logs.find(({ origin }) => origin === kept.origin);
  const both = { origin: kept.origin, own: found.origin };
  step("log", log !== undefined, both);
  if (!log) throw new Verdict("other_log", both);
  let keys;
  try {
    keys = await Promise.all((vkey ? [vkey] : log.keys).map(Ledger.readKey));
  } catch (error) {
    if (!(error instanceof Ledger.NotProven)) throw error;
    step("key", false, { known: vkey, bears: "" });
    throw new Verdict("bad_key");
  }
  const fitting = keys.filter((key) => note.signatures.some(({ name, id }) => name === key.name && id === key.id));
  if (!fitting.length) {
    const said = { known: ids(keys), bears: ids(note.signatures) };
    step("key", false, said);
    throw new Verdict("unknown_key", said);
  }
  step("key", true, { id: ids(fitting), name: kept.origin });
  return fitting;
}

// The log's own checkpoint, signed by its keys.
async function current(found, step) {
  try {
    const keys = await Promise.all(found.logs[0].keys.map(Ledger.readKey));
    const note = Ledger.readNote(found.checkpoint);
    const now = Ledger.readCheckpoint(note.text);
    if ((await Ledger.wellSigned(note, keys)) && now.origin === found.origin) {
      const signed = keys.filter(({ id }) => note.signatures.some((one) => one.id === id));
      step("current", true, { size: now.size, root: Ledger.hex(now.root), id: ids(signed) });
      return now;
    }
  } catch (error) {
    if (!(error instanceof Ledger.NotProven)) throw error;
  }
  step("current", false);
  throw new Verdict("bad_current");
}

// A checkpoint of an earlier epoch may reach beyond the entry where a backup was put back.
function acrossGap(found, kept, now) {
  const gap = kept.origin !== now.origin && found.gaps.find(({ ended }) => ended === kept.origin);
  if (gap && kept.size > gap.from) throw new Verdict("gap", { ...gap, size: kept.size });
}

async function grown(found, kept, now, step) {
  const said = { size: kept.size, now: now.size };
  if (kept.size > now.size) {
    step("size", false, said);
    throw new Verdict("ahead", { ...said, missing: kept.size - now.size });
  }
  if (kept.size === 0) return;
  if (kept.size === now.size) {
    const figures = { ...said, kept: Ledger.hex(kept.root), ours: Ledger.hex(now.root) };
    step("same", figures.kept === figures.ours, figures);
    if (figures.kept !== figures.ours) throw new Verdict("fork", figures);
    return;
  }
  await consistent(found, kept, now, step, said);
}

// The server says which root its first entries give. If that isn't the one that was kept, and its proof leads
// from there to the log's present root, then it has shown itself that the log's first entries are others.
async function consistent(found, kept, now, step, sizes) {
  const { root, hashes } = found.consistency || { root: "", hashes: [] };
  const said = { ...sizes, kept: Ledger.hex(kept.root), ours: root, count: hashes.length };
  if (!(await leads(kept.size, root, now, hashes))) {
    step("proof", false, said);
    throw new Verdict("bad_proof", said);
  }
  step("consistency", said.ours === said.kept, said);
  if (said.ours !== said.kept) throw new Verdict("fork", said);
}

// Whether the proof leads from the root of the first `size` entries to that of the log's checkpoint.
async function leads(size, root, now, hashes) {
  try {
    const roots = await Ledger.consistencyRoots(size, now.size, Ledger.unhex(root), hashes.map(Ledger.unhex));
    return Ledger.hex(roots.older) === root && Ledger.hex(roots.newer) === Ledger.hex(now.root);
  } catch (error) {
    if (!(error instanceof Ledger.NotProven)) throw error;
    return false;
  }
}

async function included(found, index, now, step) {
  const given = found.inclusion;
  if (!given) {
    step("inclusion", false, { index, size: now.size });
    throw new Verdict("no_entry", { index, size: now.size });
  }
  const leaf = await Ledger.leafHash(Ledger.bytesOf(given.leaf));
  const said = { index, leaf: Ledger.hex(leaf), count: given.hashes.length, root: Ledger.hex(now.root) };
  let root = null;
  try {
    root = await Ledger.inclusionRoot(leaf, index, now.size, given.hashes.map(Ledger.unhex));
  } catch (error) {
    if (!(error instanceof Ledger.NotProven)) throw error;
  }
  const held = root !== null && Ledger.hex(root) === said.root;
  step("inclusion", held, said);
  if (!held) throw new Verdict("not_included", said);
}

function ids(keys) {
  return [...new Set(keys.map(({ id }) => id))].join(", ");
}

function show(target, { steps, verdict }) {
  const list = element("ol", "path");
  list.append(...steps.map(drawStep));
  target.replaceChildren(drawVerdict(verdict), list);
}

const form = document.getElementById("check");
if (form) {
  form.addEventListener("submit", async (event) => {
    const text = form.elements.checkpoint.value;
    const entry = form.elements.entry.value.trim();
    if (!text.trim() || !/^[0-9]{0,15}$/.test(entry)) return; // the server says what is missing
    event.preventDefault();
    event.stopPropagation();
    const findings = document.getElementById("findings");
    findings.replaceChildren(element("p", "dim", "Checking …"));
    const wish = { place: form.dataset.place, text: tidy(text), entry: entry || null };
    show(findings, await check({ ...wish, vkey: form.elements.vkey.value.trim() }));
    document.getElementById("who").firstElementChild.textContent =
      "Your browser found this itself. It asked this server for the log’s present checkpoint and a proof; neither can be made up without the log’s key. The page and its keys are this server’s word: to depend on it for nothing, take the bundle and check it on a machine of yours.";
    document.getElementById("found").focus();
  });
}

// On an entry's page: the entry is proven as soon as the page is open, from the bytes that stand on it.
const proven = document.getElementById("proven");
if (proven) proveEntry(proven);

async function proveEntry(place) {
  const [index, steps] = [Number(place.dataset.prove), []];
  const step = (code, held, said = {}) => steps.push({ code, held, said });
  let verdict = new Verdict("proven");
  try {
    if (!(await Ledger.able())) throw new Verdict("unable");
    const found = await asked(place.dataset.place, null, String(index));
    const now = await current(found, step);
    if (found.inclusion) found.inclusion.leaf = document.getElementById("leaf").textContent;
    await included(found, index, now, step);
  } catch (error) {
    if (!(error instanceof Verdict)) throw error;
    verdict = error;
  }
  const link = place.querySelector("a");
  const details = element("details");
  const list = element("ol", "path");
  list.append(...steps.map(drawStep));
  details.append(element("summary", "", "What your browser did"), list);
  const more = element("p", "hint", "");
  more.append("Your browser found this itself. ", link, " with a checkpoint that you kept, and it says more.");
  place.replaceChildren(drawVerdict(verdict), details, more);
}
