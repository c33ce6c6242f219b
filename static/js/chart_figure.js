// A figure as the server sends it becomes one for this reader: the theme's colours, the zone's times, the room there is.
//
// Colours are tokens of css/tokens.css, `var(--cold)`, or with opacity in percent, `var(--cold/10)`. Times are numbers of
// milliseconds; Plotly writes them as UTC, so local time is a shift of each.

const TOKEN = /^var\(--([a-z0-9-]+)(?:\/(\d+))?\)$/;
const NARROW_PX = 520;
const SHORTEST_CELL_PX = 4;

/** Whether there is no room for names at the line ends. */
export const isNarrow = (width_px) => width_px < NARROW_PX;

/** A copy to hand to Plotly. `width_px`: of the element it is drawn in. */
export function forReader(figure, width_px) {
  const colours = new Map();
  const resolved = walk(figure, (text) => resolve(text, colours));
  const copy = { data: resolved.data, layout: resolved.layout };
  if (document.documentElement.dataset.zone === "local") shiftTimes(copy);
  if (isNarrow(width_px)) narrow(copy.layout);
  closeGaps(copy, width_px);
  return copy;
}

function walk(value, text) {
  if (typeof value === "string") return value.startsWith("var(") ? text(value) : value;
  if (Array.isArray(value)) return value.map((item) => walk(item, text)); // also of numbers: Plotly writes into them
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, walk(item, text)]));
}

function resolve(text, colours) {
  const [, name, percent] = TOKEN.exec(text) ?? [];
  if (!name) return text;
  if (!colours.has(name)) colours.set(name, read(name));
  const [red, green, blue, alpha] = colours.get(name);
  return `rgba(${red},${green},${blue},${(alpha * (percent ?? 100)) / 100})`;
}

/** What the theme makes of a token: light-dark() is only resolved on an element. */
function read(name) {
  const probe = document.createElement("span");
  probe.hidden = true;
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const [red, green, blue, alpha = 1] = getComputedStyle(probe).color.match(/[\d.]+/g).map(Number);
  probe.remove();
  return [red, green, blue, alpha];
}

const offset_ms = (ms) => -new Date(ms).getTimezoneOffset() * 60_000;
/** A time of the drawn axis as it was before it was shifted. */
export const inUtc = (ms) => (document.documentElement.dataset.zone === "local" ? ms - offset_ms(ms - offset_ms(ms)) : ms);
const shifted = (ms) => (typeof ms === "number" ? ms + offset_ms(ms) : ms);

function shiftTimes({ data, layout }) {
  if (layout.xaxis?.type !== "date") return;
  for (const trace of data) if (Array.isArray(trace.x)) trace.x = trace.x.map(shifted);
  layout.xaxis = { ...layout.xaxis, range: layout.xaxis.range?.map(shifted) };
  for (const note of layout.annotations ?? []) if (note.xref === "x") note.x = shifted(note.x);
  for (const shape of layout.shapes ?? []) if ((shape.xref ?? "x") === "x") [shape.x0, shape.x1] = [shape.x0, shape.x1].map(shifted);
}

/** On a phone the labels at the line ends are numbers alone, and there are fewer ticks. */
function narrow(layout) {
  if (layout.xaxis) layout.xaxis.nticks = 4;
  layout.margin = { ...layout.margin, l: 50 };
  const { ends, samples } = layout.meta ?? {};
  if (layout.margin.r > 72) layout.margin.r = 72;
  if (!ends) return;
  for (const [index, text] of ends.entries()) layout.annotations[index].text = text;
  layout.annotations = layout.annotations.filter((note) => note.text);
  layout.shapes = layout.shapes.filter((_, index) => index >= samples || ends[index]);
}

/** Cells of a heatmap stand apart only where they are wide enough for it. */
function closeGaps({ data, layout }, width_px) {
  const room_px = width_px - layout.margin.l - layout.margin.r;
  for (const trace of data) if (trace.type === "heatmap" && room_px / trace.x.length < SHORTEST_CELL_PX) trace.xgap = 0;
}
