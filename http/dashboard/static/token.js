// The token of a link stands behind the #, which no server and no proxy gets to see: put it into its field, and
// take it out of the address bar and the history. Without this script the field is filled in by hand.
"use strict";

const field = document.getElementById("token");
const token = decodeURIComponent(location.hash.slice(1));
if (field && field.type === "text" && token.startsWith(field.dataset.mark)) {
  field.value = token;
  document.getElementById("token-field").hidden = true;
  field.form.querySelector('[type="password"], button.main').focus();
}
if (location.hash) history.replaceState(null, "", location.pathname);
