// Buttons that copy a text, where the browser lets a page do so; the text itself can be marked without them.
"use strict";

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break;
  const label = button.innerHTML;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const kept = document.getElementById(button.dataset.copy);
    await navigator.clipboard.writeText(kept.value ?? kept.textContent);
    button.textContent = "Copied";
    setTimeout(() => {
      button.innerHTML = label;
    }, 2000);
  });
}
