// If one of Streamlit's scripts does not come (an unsteady connection, a server that was replaced), Streamlit shows an
// error until somebody reloads the page. This reloads it once the server answers. What was asked stays.
{
  const RESTARTS = "lookalike.restarts", MAX_RESTARTS = 3, PAUSE_MS = 1000, CALM_MS = 60_000;
  const page = document.documentElement;

  async function restart() {
    if ("restarts" in page.dataset) return;
    try {
      // A script that never comes must not reload the page forever. If the browser forbids this memory, nothing does.
      const restarts = Number(sessionStorage.getItem(RESTARTS)) + 1;
      if (restarts > MAX_RESTARTS) return;
      sessionStorage.setItem(RESTARTS, restarts);
    } catch { return; }
    page.dataset.restarts = "";  // the style hides the errors
    while (!await fetch("./_stcore/health", { cache: "no-store" }).then((answer) => answer.ok, () => false)) {
      await new Promise((done) => setTimeout(done, PAUSE_MS));
    }
    location.reload();
  }

  addEventListener("vite:preloadError", restart);
  // No other script asks for the first one, so that its failure is an error event of the page.
  addEventListener("error", (event) => { if (event.target?.src?.includes("/static/js/")) restart(); }, true);
  setTimeout(() => {
    if (!("restarts" in page.dataset)) try { sessionStorage.removeItem(RESTARTS); } catch {}
  }, CALM_MS);
}
