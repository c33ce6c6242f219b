// Times as the reader wants them: UTC as the server drew them, or local; ages that grow.
//
// The server draws <time datetime data-ns data-shape="moment|clock|minute|age">. Nanoseconds are decimal texts, read as BigInt.

const AGES = [["d", 86_400], ["h", 3_600], ["m", 60], ["s", 1]];

const pad = (number, digits = 2) => String(number).padStart(digits, "0");

function moment(ns, local, dated) {
  const ms = ns / 1_000_000n;
  const date = new Date(Number(ms));
  const part = (name) => date[`get${local ? "" : "UTC"}${name}`]();
  const clock = `${pad(part("Hours"))}:${pad(part("Minutes"))}:${pad(part("Seconds"))}.${pad(ms % 1000n, 3)}`;
  return dated ? `${part("FullYear")}-${pad(part("Month") + 1)}-${pad(part("Date"))} ${clock}` : clock;
}

/** The largest whole unit: 2 s, 15 m, 3 h. The server's `age` filter says the same. */
export function age(ns, nowMs = Date.now()) {
  const seconds = Math.max(0, Math.floor(nowMs / 1000 - Number(ns / 1_000_000n) / 1000));
  const [unit, size] = AGES.find(([, size]) => seconds >= size) ?? ["s", 1];
  return `${Math.floor(seconds / size)} ${unit}`;
}

function zoneName(date) {
  const minutes = -date.getTimezoneOffset();
  const size = Math.abs(minutes);
  return `UTC${minutes < 0 ? "-" : "+"}${pad(Math.floor(size / 60))}:${pad(size % 60)}`;
}

function show(element) {
  const ns = BigInt(element.dataset.ns);
  const local = document.documentElement.dataset.zone === "local";
  const zone = local ? zoneName(new Date(Number(ns / 1_000_000n))) : "UTC";
  const shape = element.dataset.shape;
  const text = shape === "age" ? age(ns) : moment(ns, local, shape === "moment").slice(0, shape === "minute" ? 5 : undefined);
  if (element.textContent !== text) element.textContent = text;
  element.title = `${moment(ns, local, true)}${pad(ns % 1_000_000n, 6)} ${zone}`;
}

/** Draws every time under `root` again. */
export function showTimes(root) {
  for (const element of root.querySelectorAll("time[data-ns]")) show(element);
}

if (document.documentElement.dataset.zone === "local") showTimes(document);
document.addEventListener("region:updated", (event) => showTimes(event.target));
setInterval(() => {
  if (document.hidden) return;
  for (const element of document.querySelectorAll('time[data-shape="age"]')) show(element);
}, 1000);
