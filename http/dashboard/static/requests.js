// Ticks in the queue: all on this page at once, and those made stay while the list keeps itself up to date.
"use strict";

const form = document.getElementById("bulk");
const picked = new Set();

function boxes() {
  return [...form.querySelectorAll("input[name^='pick.']")];
}

function count() {
  const all = boxes();
  const marked = all.filter((box) => box.checked).length;
  document.getElementById("marked").textContent = marked ? `(${marked})` : "(none yet)";
  const every = document.getElementById("pick-all");
  every.checked = marked > 0 && marked === all.length;
  every.indeterminate = marked > 0 && marked < all.length;
}

// The box for all is made here: without a script it could do nothing. It stands above the list, where a narrow
// screen, which has no head of the table, shows it too.
function offerAll() {
  const label = document.createElement("label");
  label.className = "choice";
  const every = document.createElement("input");
  every.type = "checkbox";
  every.id = "pick-all";
  const words = document.createElement("span");
  words.textContent = "Mark all on this page";
  label.append(every, words);
  form.prepend(label);
  every.addEventListener("change", () => {
    for (const box of boxes()) {
      box.checked = every.checked;
      note(box);
    }
    count();
  });
}

function note(box) {
  if (box.checked) picked.add(box.name);
  else picked.delete(box.name);
}

function again() {
  for (const box of boxes()) box.checked = picked.has(box.name);
  count();
}

if (form) {
  for (const box of boxes()) note(box); // the browser may have kept them from before
  offerAll();
  count();
  form.addEventListener("change", (event) => {
    if (event.target.name?.startsWith("pick.")) {
      note(event.target);
      count();
    }
  });
  document.addEventListener("live", again);
}
