// One websocket for the page: it says what changed, the page fetches it.
//
// subscribe(topic, params, callback) calls back with {type, data}: "snapshot" when the subscription begins or begins
// again, "delta" when something changed, "reset" when messages were lost. The connection comes back by itself.
// A page that nobody sees for a minute lets go of it, and of all it is told; seen again, its subscriptions begin again.
// A page that says at which commit it was drawn (data-live-position) is spared a snapshot at that same commit.

const drawnAt = document.documentElement.dataset.livePosition;
const url = document.documentElement.dataset.liveUrl;
const subscriptions = new Map(); // number -> {topic, params, callback, seq}
const REFUSED = [4401, 4403, 4404];
const LONGEST_WAIT_MS = 10_000;
const UNSEEN_MS = 60_000; // going to another tab and back costs no connection

let socket = null;
let attempts = 0;
let asleep = false;
let sleep = 0; // the timer until then
let number = 0;
let paused = false;
let missed = new Set();

/** Calls `callback({type, data})` on every change of the topic. Returns a function that ends it. */
export function subscribe(topic, params, callback) {
  const id = ++number;
  subscriptions.set(id, { topic, params, callback, seq: 0 });
  if (!socket) connect();
  else if (socket.readyState === WebSocket.OPEN) ask(id);
  return () => {
    subscriptions.delete(id);
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ op: "unsubscribe", id }));
  };
}

function ask(id) {
  const { topic, params } = subscriptions.get(id);
  socket.send(JSON.stringify({ op: "subscribe", id, topic, params }));
}

function connect() {
  if (!url || asleep) return;
  const opened = new WebSocket(new URL(url, location.href.replace(/^http/, "ws")));
  socket = opened;
  opened.addEventListener("open", () => {
    attempts = 0;
    for (const id of subscriptions.keys()) {
      subscriptions.get(id).seq = 0;
      ask(id);
    }
    show(paused ? "paused" : "live");
  });
  opened.addEventListener("message", (event) => receive(JSON.parse(event.data)));
  opened.addEventListener("close", (event) => {
    if (socket !== opened) return; // let go of
    if (REFUSED.includes(event.code)) {
      show("refused");
      return;
    }
    show("reconnecting");
    const wait_ms = Math.min(LONGEST_WAIT_MS, 250 * 2 ** attempts++);
    setTimeout(() => socket === opened && connect(), wait_ms * (0.5 + Math.random() / 2));
  });
}

function look() {
  clearTimeout(sleep);
  if (document.hidden) sleep = setTimeout(letGo, UNSEEN_MS);
  else if (asleep) wake();
}

function letGo() {
  asleep = true;
  const open = socket;
  socket = null;
  open?.close();
}

function wake() {
  asleep = false;
  attempts = 0;
  show(paused ? "paused" : "reconnecting");
  connect();
}

function receive(message) {
  const subscription = subscriptions.get(message.id);
  if (!subscription || message.type === "error") return;
  const gap = message.seq !== subscription.seq + 1;
  subscription.seq = message.seq;
  const type = gap ? "reset" : message.type;
  if (type === "snapshot" && drawnAt && message.data.position === drawnAt) return;
  if (paused && message.topic !== "status") missed.add(message.id);
  else subscription.callback({ type, data: message.data });
}

/** Whether the reader holds the page still. `live:paused` on the document tells when that changes. */
export const isPaused = () => paused;

function togglePause() {
  paused = !paused;
  show(paused ? "paused" : socket?.readyState === WebSocket.OPEN ? "live" : "reconnecting");
  document.dispatchEvent(new CustomEvent("live:paused", { detail: paused }));
  if (paused) return;
  for (const id of missed) subscriptions.get(id)?.callback({ type: "reset", data: {} });
  missed = new Set();
}

const WORDS = { live: "Live", paused: "Paused", reconnecting: "Reconnecting", refused: "Not live: log in" };

function show(state) {
  for (const element of document.querySelectorAll("[data-live-state]")) {
    element.dataset.state = state;
    const at = state === "paused" ? ` since ${new Date().toTimeString().slice(0, 8)}` : "";
    element.textContent = WORDS[state] + at;
    element.setAttribute("aria-pressed", String(paused));
  }
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-live-state]")) togglePause();
});

subscribe("status", {}, ({ data }) => {
  for (const element of document.querySelectorAll("[data-rate]")) {
    if ("spans_per_s" in data) element.textContent = `${data.spans_per_s.toLocaleString("en")} spans/s`;
  }
});

document.addEventListener("visibilitychange", look);
look();
