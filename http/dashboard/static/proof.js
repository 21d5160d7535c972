// Checks a processing activity's inclusion proof once more, in the reader's own browser, from what the page shows:
// the leaf leads over its path to the root, and that root is the one in the signed checkpoint (RFC 9162, 2.1.3.2).
"use strict";

const HASH = /^[0-9a-f]{64}$/;

function bytes(hex) {
  if (!HASH.test(hex)) throw new Error("a hash isn’t written in 64 hexadecimal digits");
  return Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));
}

function hex(data) {
  return Array.from(data, (one) => one.toString(16).padStart(2, "0")).join("");
}

async function hashed(...parts) {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", joined));
}

const leafHash = (text) => hashed([0], new TextEncoder().encode(text));
const nodeHash = (left, right) => hashed([1], left, right);

// The root that the path leads to. Indexes are BigInt: bits of a Number end at 32.
async function rootOf(start, index, size, path) {
  let node = index;
  let last = size - 1n;
  let hash = start;
  if (index >= size) throw new Error("the leaf lies beyond the end of the tree");
  for (const sibling of path) {
    if (last === 0n) throw new Error("the path is too long");
    if (node & 1n || node === last) {
      hash = await nodeHash(sibling, hash);
      while (!(node & 1n) && node !== 0n) {
        node >>= 1n;
        last >>= 1n;
      }
    } else {
      hash = await nodeHash(hash, sibling);
    }
    node >>= 1n;
    last >>= 1n;
  }
  if (last !== 0n) throw new Error("the path is too short");
  return hash;
}

// Size and root that stand in the checkpoint's text (C2SP tlog-checkpoint): its second and third line.
function promised(checkpoint) {
  const [, size, root] = checkpoint.split("\n");
  return { size, root: hex(Uint8Array.from(atob(root), (one) => one.charCodeAt(0))) };
}

async function check(data) {
  const start = await leafHash(data.leaf);
  if (hex(start) !== data.leafHash) throw new Error("the leaf has another hash than the page shows");
  const path = data.hashes ? data.hashes.split(" ").map(bytes) : [];
  const root = hex(await rootOf(start, BigInt(data.index), BigInt(data.size), path));
  const said = promised(data.checkpoint);
  if (root !== said.root) throw new Error(`the path leads to ${root}, and the checkpoint says ${said.root}`);
  if (said.size !== data.size) throw new Error(`the checkpoint is of ${said.size} entries, not ${data.size}`);
  if (root !== data.root) throw new Error("the root that the page shows is another one");
}

async function show() {
  const data = document.getElementById("proof-data");
  const words = document.getElementById("proof-here");
  if (!data || !words) return;
  if (!globalThis.crypto || !crypto.subtle) {
    words.textContent =
      "Not verified in this browser: it offers its cryptography only over HTTPS or on this very machine.";
    return;
  }
  try {
    await check(data.dataset);
    words.textContent =
      "Verified in this browser: leaf, path and root were hashed anew here, and lead to the checkpoint’s root.";
    words.className = "verified";
  } catch (fault) {
    words.textContent = `This browser comes to another result: ${fault.message}.`;
    words.closest(".verdict").className = "verdict bad";
  }
}

show();
