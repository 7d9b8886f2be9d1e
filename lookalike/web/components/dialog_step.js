// While a dialog is open, Back leads to the page below it. Streamlit runs the page again then, which closes the dialog.
export default function () {
  const step = crypto.getRandomValues(new Uint32Array(1))[0];
  history.pushState({ dialog: step }, "", location.href);
  return () => { if (history.state?.dialog === step) history.back(); };
}
