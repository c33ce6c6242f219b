// What the browser remembers for the reader. Storage may be refused: then it is forgotten with the page.

export function remember(name, value) {
  try {
    if (value === null) localStorage.removeItem(name);
    else localStorage.setItem(name, value);
  } catch {
    // Nothing to do: the choice holds for this page.
  }
}
