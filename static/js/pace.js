// How often something may run again.

/** Runs at once, then at most every `interval_ms`, and never twice at the same time. A hidden page waits to be seen. */
export function paced(run, interval_ms) {
  let running = false;
  let again = false;
  return async function go() {
    if (running || document.hidden) {
      again = true;
      if (!running) document.addEventListener("visibilitychange", () => again && go(), { once: true });
      return;
    }
    running = true;
    again = false;
    const started = performance.now();
    try {
      await run();
    } catch {
      // The server is away: the snapshot that comes with the next connection asks again.
    }
    const rest_ms = Math.max(0, interval_ms - (performance.now() - started));
    setTimeout(() => {
      running = false;
      if (again) go();
    }, rest_ms);
  };
}
