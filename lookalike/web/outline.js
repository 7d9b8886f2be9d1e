// The page's outline leaves once Streamlit has drawn the page, and gives it the photos that were chosen meanwhile.
{
  const outline = document.getElementById("outline");
  const chooser = outline.querySelector("input");
  const DRAWN = '[data-testid="stFileUploaderDropzoneInput"], [data-testid="stAlert"], [data-testid="stException"], '
    + '.st-key-query, [role="dialog"]';
  const uploader = () => document.querySelector('[data-testid="stFileUploaderDropzoneInput"]');
  let chosen = null;

  function handOver() {
    if (!chosen || !uploader()) return;
    uploader().files = chosen;
    chosen = null;
    uploader().dispatchEvent(new Event("change", { bubbles: true }));
  }

  // The dialog in which a photo is chosen may still be open when the outline has left.
  if (chooser) chooser.onchange = () => {
    if (!chooser.files.length) return;
    chosen = chooser.files;
    outline.querySelector("label span").textContent = outline.dataset.chosen;
    handOver();
  };

  new MutationObserver((_, observer) => {
    if (!document.querySelector(DRAWN)) return;
    observer.disconnect();
    const hadFocus = document.activeElement === chooser;
    outline.remove();
    if (hadFocus) uploader()?.parentElement.querySelector("button")?.focus();
    handOver();
  }).observe(document.body, { childList: true, subtree: true });
}
