// While a dialog is open, Back leads to the page below it. Streamlit runs the page again then, which closes the dialog.
let step = null;
let stepped = Promise.resolve();

export default function ({ data }) {
  if (data.is_open && step === null) {
    const own = (step = crypto.getRandomValues(new Uint32Array(1))[0]);
    stepped = stepped.then(() => history.pushState({ dialog: own }, "", location.href));
  } else if (!data.is_open && step !== null) {
    const own = step;
    step = null;
    stepped = stepped.then(() => history.state?.dialog === own && takeBack());
  }
}

// The browser goes back some time later, and the page need not run again for that: the dialog is closed already.
function takeBack() {
  return new Promise((done) => {
    const onBack = (event) => { event?.stopImmediatePropagation(); removeEventListener("popstate", onBack, true); done(); };
    addEventListener("popstate", onBack, true);
    setTimeout(onBack, 1000);
    history.back();
  });
}
