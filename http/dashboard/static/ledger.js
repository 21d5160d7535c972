// The arithmetic of a log that outsiders can verify, done by its reader: RFC 6962 hashes and proofs (RFC 9162
// sections 2.1.3.2 and 2.1.4.2), C2SP signed notes and checkpoints. Nothing here asks a server for anything.
//
// Hashes are Uint8Arrays of 32 bytes. A proof that can't be right throws NotProven; what a proof leads to is
// returned, and compared by whoever asked.
"use strict";

const Ledger = (() => {
  const MARK = "— ";
  const ED25519 = 1; // the signature type of C2SP signed-note
  const encoder = new TextEncoder();

  class NotProven extends Error {}

  function bytesOf(text) {
    return encoder.encode(text);
  }

  function joined(...parts) {
    const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  function hex(bytes) {
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  function unhex(text) {
    if (!/^([0-9a-f]{2})*$/.test(text)) throw new NotProven("not a hash");
    return Uint8Array.from(text.match(/../g) || [], (pair) => parseInt(pair, 16));
  }

  // Standard base64 in its one spelling; null for anything else.
  function unbase64(text) {
    try {
      const raw = atob(text);
      return btoa(raw) === text ? Uint8Array.from(raw, (char) => char.charCodeAt(0)) : null;
    } catch {
      return null;
    }
  }

  async function sha256(...parts) {
    return new Uint8Array(await crypto.subtle.digest("SHA-256", joined(...parts)));
  }

  function leafHash(data) {
    return sha256(Uint8Array.of(0), data);
  }

  function nodeHash(left, right) {
    return sha256(Uint8Array.of(1), left, right);
  }

  // Sizes are whole numbers up to 2^53: shifts of 32 bits won't do.
  const odd = (number) => number % 2 === 1;
  const half = (number) => Math.floor(number / 2);

  // Up past the levels where the rightmost node has no sibling and stands for itself.
  function skipped(position, last) {
    while (position !== 0 && !odd(position)) [position, last] = [half(position), half(last)];
    return [position, last];
  }

  // The root that the proof leads to from this leaf hash at `index` in a tree of `size`.
  async function inclusionRoot(leaf, index, size, proof) {
    if (!(Number.isSafeInteger(index) && index >= 0 && index < size)) throw new NotProven("no such leaf");
    let [position, last, node] = [index, size - 1, leaf];
    for (const sibling of proof) {
      if (last === 0) throw new NotProven("the proof is too long");
      if (odd(position) || position === last) {
        node = await nodeHash(sibling, node);
        [position, last] = skipped(position, last);
      } else {
        node = await nodeHash(node, sibling);
      }
      [position, last] = [half(position), half(last)];
    }
    if (last !== 0) throw new NotProven("the proof is too short");
    return node;
  }

  // The roots of the older and the newer tree that the proof leads to; `root` is what the older one is said to be.
  async function consistencyRoots(size1, size2, root, proof) {
    if (!(Number.isSafeInteger(size1) && Number.isSafeInteger(size2) && size1 > 0 && size1 <= size2))
      throw new NotProven("no proof leads there");
    if (size1 === size2) {
      if (proof.length) throw new NotProven("the proof is too long");
      return { older: root, newer: root };
    }
    // A complete older tree is a node of the newer one: the proof leaves it out.
    let complete = size1;
    while (!odd(complete)) complete = half(complete);
    const path = complete === 1 ? [root, ...proof] : [...proof];
    if (!path.length) throw new NotProven("the proof is too short");
    let [position, last] = [size1 - 1, size2 - 1];
    while (odd(position)) [position, last] = [half(position), half(last)];
    let [older, newer] = [path[0], path[0]];
    for (const sibling of path.slice(1)) {
      if (last === 0) throw new NotProven("the proof is too long");
      if (odd(position) || position === last) {
        older = await nodeHash(sibling, older);
        newer = await nodeHash(sibling, newer);
        [position, last] = skipped(position, last);
      } else {
        newer = await nodeHash(newer, sibling);
      }
      [position, last] = [half(position), half(last)];
    }
    if (last !== 0) throw new NotProven("the proof is too short");
    return { older, newer };
  }

  // `{text, signatures: [{name, id, value}]}`, ids in hex. Throws for what is no signed note.
  function readNote(note) {
    const blank = note.lastIndexOf("\n\n");
    if (blank < 0 || !note.endsWith("\n") || note.length === blank + 2 || /[\x00-\x09\x0b-\x1f]/.test(note))
      throw new NotProven("not a signed note");
    const lines = note.slice(blank + 2, -1).split("\n");
    if (lines.length > 64) throw new NotProven("a note bears too many signatures");
    return { text: note.slice(0, blank + 1), signatures: lines.map(readSignature) };
  }

  function readSignature(line) {
    const [name, encoded, ...more] = line.slice(MARK.length).split(" ");
    const value = encoded === undefined ? null : unbase64(encoded);
    if (!line.startsWith(MARK) || !isName(name) || value === null || more.length)
      throw new NotProven("a note bears a malformed signature line");
    if (value.length <= 4) throw new NotProven("a note bears an empty signature");
    return { name, id: hex(value.slice(0, 4)), value: value.slice(4) };
  }

  function isName(name) {
    return /^[^\s+\p{C}]+$/u.test(name);
  }

  // `{origin, size, root}` of a note's text (C2SP tlog-checkpoint).
  function readCheckpoint(text) {
    const lines = text.slice(0, -1).split("\n");
    if (lines.length < 3 || lines.includes("") || !/^(0|[1-9][0-9]{0,18})$/.test(lines[1]))
      throw new NotProven("a signed note isn't a checkpoint");
    const root = unbase64(lines[2]);
    if (root === null || root.length !== 32) throw new NotProven("a checkpoint has no root hash");
    return { origin: lines[0], size: Number(lines[1]), root };
  }

  // `{name, id, key}` of a verifier key; its id must be that of name and key. Throws otherwise.
  async function readKey(vkey) {
    const match = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(vkey);
    const encoded = match && unbase64(match[3]);
    if (!encoded || encoded[0] !== ED25519 || encoded.length !== 33 || !isName(match[1]))
      throw new NotProven("not an Ed25519 verifier key");
    if ((await keyId(match[1], encoded)) !== match[2]) throw new NotProven("its id belongs to another key or name");
    return { name: match[1], id: match[2], key: encoded.slice(1) };
  }

  async function keyId(name, encoded) {
    return hex((await sha256(bytesOf(`${name}\n`), encoded)).slice(0, 4));
  }

  async function signedBy(key, text, signature) {
    const imported = await crypto.subtle.importKey("raw", key.key, { name: "Ed25519" }, false, ["verify"]);
    return crypto.subtle.verify({ name: "Ed25519" }, imported, signature, bytesOf(text));
  }

  // Whether every signature in the name of one of these keys is good, and there is one.
  async function wellSigned(note, keys) {
    let found = false;
    for (const { name, id, value } of note.signatures) {
      for (const key of keys.filter((one) => one.name === name && one.id === id)) {
        if (!(await signedBy(key, note.text, value))) return false;
        found = true;
      }
    }
    return found;
  }

  // Whether this browser can do all of it, here: browsers give Web Cryptography to secure pages alone.
  async function able() {
    if (!globalThis.crypto || !crypto.subtle) return false;
    try {
      const point = Uint8Array.of(1, ...new Array(31).fill(0));
      await crypto.subtle.importKey("raw", point, { name: "Ed25519" }, false, ["verify"]);
      return true;
    } catch (error) {
      return error.name !== "NotSupportedError" && error.name !== "SyntaxError";
    }
  }

  return {
    NotProven, able, bytesOf, consistencyRoots, hex, inclusionRoot, leafHash, nodeHash, readCheckpoint, readKey,
    readNote, unhex, wellSigned,
  };
})();
