/**
 * Finding words as people type them: "cafe" finds "Café", and case never matters.
 *
 * Marks are taken off letter by letter, so that a place in the plain text can be told in the
 * original one, which is what gets highlighted.
 */

const MARKS = /\p{Diacritic}/gu;

/** Every place of a query in a text, as `[start, end]` in the text. */
export function places(text, query) {
  const wanted = [...plain(query.trim())];
  if (!wanted.length) return [];
  const [letters, origins] = folded(text);
  const found = [];
  for (let at = 0; at + wanted.length <= letters.length; at += 1) {
    if (!wanted.every((letter, offset) => letters[at + offset] === letter)) continue;
    found.push([origins[at], origins[at + wanted.length]]);
    at += wanted.length - 1;
  }
  return found;
}

/** A text cut at the places of a query: `[{text, hit}]`. */
export function pieces(text, query) {
  const result = [];
  let done = 0;
  for (const [start, end] of places(text, query)) {
    if (start > done) result.push({ text: text.slice(done, start), hit: false });
    result.push({ text: text.slice(start, end), hit: true });
    done = end;
  }
  if (done < text.length) result.push({ text: text.slice(done), hit: false });
  return result;
}

function plain(text) {
  return text.normalize("NFD").replace(MARKS, "").toLowerCase();
}

/** The plain letters of a text, and where each came from; one origin more for the end. */
function folded(text) {
  const letters = [];
  const origins = [];
  let at = 0;
  for (const character of text) {
    for (const letter of plain(character)) {
      letters.push(letter);
      origins.push(at);
    }
    at += character.length;
  }
  return [letters, [...origins, at]];
}
