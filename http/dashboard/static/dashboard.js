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

document.addEventListener("submit", sendOnce);
window.addEventListener("pageshow", usableAgain);
setInterval(refresh, 15000);
