// The token of a link to a new password stands behind the #: put it into its field, and take it out of the
// address bar and the history. Without this script the field is filled in by hand.
"use strict";

const field = document.getElementById("token");
const token = decodeURIComponent(location.hash.slice(1));
if (field && field.type === "text" && token.startsWith("dxr_")) {
  field.value = token;
  document.getElementById("token-field").hidden = true;
  document.getElementById("password").focus();
}
if (location.hash) history.replaceState(null, "", location.pathname);
