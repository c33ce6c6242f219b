// Suggestions for a filter: names, operators' values, and, or. Typing opens them; the server has the words.
//
// <input data-words="/traces/words/">. Arrows choose, Enter or Tab takes, Escape closes; Enter without a choice searches.

const VALUE = /((?:"(?:[^"\\]|\\.)*")|[^\s()=<>!~"]+)\s*(?:>=|<=|!=|==|=|>|<|~)\s*("[^"]*|[^\s()=<>!~"]*)$/;
const AFTER = /[=<>~]\s*(?:"(?:[^"\\]|\\.)*"|[^\s()=<>!~"]+)\s+([a-z]*)$/i;
const NAME = /(?:^|[\s(])([^\s()=<>!~"]*)$/;
const MOST_SHOWN = 12;

const known = new Map(); // URL -> promise of its answer

function ask(url) {
  if (!known.has(url)) {
    known.set(url, fetch(url).then((response) => (response.ok ? response.json() : { words: [] })).catch(() => ({ words: [] })));
    setTimeout(() => known.delete(url), 30_000);
  }
  return known.get(url);
}

/** What stands before the caret: {of: a name or empty, begun: what is typed of the word, fixed: words to choose from}. */
function place(before) {
  const value = VALUE.exec(before);
  if (value) return { of: value[1], begun: value[2] };
  const after = AFTER.exec(before);
  if (after) return { begun: after[1], fixed: ["and", "or"] };
  const name = NAME.exec(before);
  return name?.[1] ? { of: "", begun: name[1] } : null;
}

function attach(input) {
  const list = document.createElement("ul");
  list.id = "filter-words";
  list.className = "words";
  list.role = "listbox";
  list.hidden = true;
  input.closest(".filter-search").append(list);
  for (const [name, value] of [["role", "combobox"], ["aria-controls", list.id], ["aria-expanded", "false"], ["aria-autocomplete", "list"]]) {
    input.setAttribute(name, value);
  }
  let begun = "";
  let turn = 0;

  const close = () => {
    turn += 1;
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const options = () => [...list.querySelectorAll("[role=option]")];
  const chosen = () => list.querySelector('[aria-selected="true"]');

  function choose(option) {
    chosen()?.setAttribute("aria-selected", "false");
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) input.setAttribute("aria-activedescendant", option.id);
    else input.removeAttribute("aria-activedescendant");
  }

  function take(option) {
    const caret = input.selectionStart;
    const before = input.value.slice(0, caret - begun.length) + option.dataset.word + " ";
    input.value = before + input.value.slice(caret).trimStart();
    input.setSelectionRange(before.length, before.length);
    close();
    input.focus();
  }

  async function suggest() {
    const at = place(input.value.slice(0, input.selectionStart));
    const mine = (turn += 1);
    if (!at) return close();
    const url = input.dataset.words + (at.of ? `?of=${encodeURIComponent(at.of)}` : "");
    const answer = at.fixed ? { words: at.fixed } : await ask(url);
    if (mine !== turn || document.activeElement !== input) return;
    const wanted = at.begun.replace(/^"/, "").toLowerCase();
    const fits = answer.words.filter((word) => word.toLowerCase().includes(wanted) && word !== at.begun);
    fits.sort((a, b) => starts(b, wanted) - starts(a, wanted));
    begun = at.begun;
    draw(fits.slice(0, MOST_SHOWN), at.fixed ? 0 : answer.newest_spans);
  }

  function draw(words, spans) {
    list.replaceChildren(
      ...words.map((word, number) => {
        const option = document.createElement("li");
        Object.assign(option, { id: `filter-word-${number}`, role: "option", textContent: word });
        option.dataset.word = word;
        option.setAttribute("aria-selected", "false");
        return option;
      }),
    );
    if (spans) {
      const foot = document.createElement("li");
      Object.assign(foot, { className: "faint", role: "presentation", textContent: `attributes: of the newest ${spans.toLocaleString("en")} spans` });
      list.append(foot);
    }
    list.hidden = !words.length;
    input.setAttribute("aria-expanded", String(!list.hidden));
    input.removeAttribute("aria-activedescendant");
  }

  input.addEventListener("input", suggest);
  input.addEventListener("blur", close);
  list.addEventListener("pointerdown", (event) => {
    event.preventDefault(); // the input keeps the focus
    const option = event.target.closest("[role=option]");
    if (option) take(option);
  });
  input.addEventListener("keydown", (event) => {
    const all = options();
    if (event.key === "ArrowDown" && list.hidden) return suggest();
    if (list.hidden) return;
    const at = all.indexOf(chosen());
    if (event.key === "ArrowDown") choose(all[(at + 1) % all.length]);
    else if (event.key === "ArrowUp") choose(all[at <= 0 ? all.length - 1 : at - 1]);
    else if (event.key === "Escape") close();
    else if ((event.key === "Enter" || event.key === "Tab") && chosen()) take(chosen());
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}

const starts = (word, wanted) => Number(word.toLowerCase().replace(/^"/, "").startsWith(wanted));

for (const input of document.querySelectorAll("input[data-words]")) attach(input);
