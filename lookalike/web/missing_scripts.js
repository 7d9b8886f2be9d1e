// Streamlit shows an error for good where a script did not come: an unsteady connection, or a server that was replaced.
// Once the server answers again, the page starts anew. It keeps what was asked, as after any reload.
{
  const RESTARTS = "lookalike.restarts", MAX_RESTARTS = 3, PAUSE_MS = 1000, CALM_MS = 60_000;
  const page = document.documentElement;

  async function restart() {
    if ("restarts" in page.dataset) return;
    try {
      // A script that never comes must not start the page over for ever. Without this memory, it does not at all.
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
  // The first script of all is not one that another one asked for.
  addEventListener("error", (event) => { if (event.target?.src?.includes("/static/js/")) restart(); }, true);
  setTimeout(() => {
    if (!("restarts" in page.dataset)) try { sessionStorage.removeItem(RESTARTS); } catch {}
  }, CALM_MS);
}
