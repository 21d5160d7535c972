// What the pages do better with a script; without it they do everything too.
"use strict";

// Times in words stay true while a page is open. The words are those of the server's own `ago`.
const UNITS = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60]];

function ago(moment, now) {
  const seconds = (now - moment) / 1000;
  for (const [unit, length] of UNITS) {
    const count = Math.floor(Math.abs(seconds) / length);
    if (count) {
      const words = `${count} ${unit}${count === 1 ? "" : "s"}`;
      return seconds > 0 ? `${words} ago` : `in ${words}`;
    }
  }
  return seconds >= 0 ? "just now" : "in a moment";
}

function refresh() {
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const words = ago(Date.parse(time.dateTime), Date.now());
    if (time.textContent !== words) time.textContent = words;
  }
}

// A form that is on its way isn't sent twice. The button stays enabled for the form's own data; a second
// submit is dropped. Coming back to the page (back button) makes it usable again.
function sendOnce(event) {
  const form = event.target;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
}

function usableAgain() {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("button")) button.removeAttribute("aria-disabled");
  }
}

// What carries `data-live` stays true while its page is open: the page is asked for again, and those parts of it
// that differ are put in place. What somebody works in (the focus, an opened fold, marked text) is left alone.
// Only parts are exchanged that a GET of the same address shows, so a page without a script misses nothing.
const EVERY = 5000;
let asking = false;

function busy(part) {
  const marked = getSelection();
  return (
    part.contains(document.activeElement) ||
    part.matches(":popover-open") ||
    part.querySelector("details[open]") !== null ||
    (marked !== null && !marked.isCollapsed && part.contains(marked.anchorNode))
  );
}

function put(fresh) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(part.id);
    if (next && next.outerHTML !== part.dataset.shown && !busy(part)) {
      const words = next.outerHTML;
      part.replaceWith(next);
      next.dataset.shown = words;
    }
  }
  document.dispatchEvent(new Event("live"));
}

// Whose page this is: each form of a session carries its mark. Where somebody else signed in meanwhile, or went on at
// another data controller in another tab, nothing of theirs is put among what this page shows.
function owner(page) {
  return page.querySelector("input[name='csrf']")?.value;
}

// Asked for anew as a GET, also where this page was the answer to a form.
function anew() {
  location.assign(location.pathname + location.search);
}

async function ask() {
  if (asking || document.hidden || stopped() || !document.querySelector("main [data-live]")) return;
  asking = true;
  try {
    const answer = await fetch(location.href, { headers: { "X-Requested-With": "dxflow" }, redirect: "manual" });
    if (answer.type === "opaqueredirect" || answer.status === 401) return anew(); // signed out elsewhere
    if (answer.ok) {
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (owner(fresh) !== owner(document)) return anew();
      put(fresh);
    }
    told(answer.ok);
  } catch {
    told(false);
  } finally {
    asking = false;
  }
}

// Whoever is disturbed by what moves can stop it (WCAG 2.2.2); the choice holds for the window.
function stopped() {
  return sessionStorage.getItem("live") === "stopped";
}

function told(well) {
  const button = document.getElementById("live-switch");
  if (!button) return;
  const words = stopped() ? "Updates paused" : well ? "Live" : "dxflow doesn’t answer";
  button.className = `live-switch ${stopped() ? "quiet" : well ? "good" : "bad"}`;
  button.setAttribute("aria-pressed", String(!stopped()));
  if (button.textContent !== words) button.textContent = words;
}

function offerLive() {
  const head = document.querySelector("main h1");
  if (!head || !document.querySelector("main [data-live]")) return;
  const button = document.createElement("button");
  button.id = "live-switch";
  button.type = "button";
  button.title = "Whether this page keeps itself up to date";
  button.addEventListener("click", () => {
    sessionStorage.setItem("live", stopped() ? "running" : "stopped");
    told(true);
    ask();
  });
  let row = head.parentElement;
  if (!row.classList.contains("head")) {
    row = document.createElement("div");
    row.className = "head";
    head.replaceWith(row);
    row.append(head);
  }
  row.insertBefore(button, [...row.children].find((part) => part.matches("form, .end")) ?? null);
  told(true);
  setInterval(ask, EVERY);
  document.addEventListener("visibilitychange", ask);
}

// Tabs that don't all fit begin with the one that is open.
function showTab() {
  for (const tab of document.querySelectorAll(".tabs [aria-current]")) {
    const row = tab.closest(".tabs");
    row.scrollLeft += tab.getBoundingClientRect().right - row.getBoundingClientRect().right;
  }
}

showTab();
offerLive();
document.addEventListener("submit", sendOnce);
window.addEventListener("pageshow", usableAgain);
setInterval(refresh, 15000);
