// Runs before the first paint (a classic script in <head>): the chosen theme and zone, without a flash of the others.
(() => {
  const root = document.documentElement;
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    root.dataset.zone = localStorage.getItem("zone") === "local" ? "local" : "utc";
  } catch {
    root.dataset.zone = "utc"; // storage is refused: the page works without it
  }
})();
