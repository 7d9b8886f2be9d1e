// The photos of this tab's questions, in its sessionStorage: they outlive a reload and a restart of the server, and go
// with the tab.
const MAX_LETTERS = 4_000_000; // Browsers allow some five million; the oldest photos go first.
const RETRY_MS = 3000;
const MAX_TRIES = 5;

// Streamlit calls the function below again whenever the data changes, and cleans up after the last call only. So what
// outlives a call is here, once for the page.
let page = null; // The last call's: it speaks to the server.
let outstanding = null; // What the server was told and has not acted on: it may have been lost.
let observed = null;

export default function ({ data, setTriggerValue }) {
  const call = (page = { setTriggerValue });
  if (data.wanted) {
    const found = read().find((question) => question.name === data.wanted);
    tell("found", { name: data.wanted, photos: found?.photos ?? [] });
  } else {
    outstanding = null;
    if (data.photos.length) keep({ name: data.name, photos: data.photos });
  }
  watchConnection();
  return () => { if (page === call) page = outstanding = null; };
}

const storageKey = () => `lookalike.photos ${new URL(".", location).pathname}`;

function read() {
  try { return JSON.parse(sessionStorage.getItem(storageKey())) ?? []; } catch { return []; }
}

function keep(newest) {
  const questions = [...read().filter((question) => question.name !== newest.name), newest];
  let text = JSON.stringify(questions);
  while (text.length > MAX_LETTERS) {
    questions.shift();
    text = JSON.stringify(questions);
  }
  // The browser may forbid it: then photos last as long as the session.
  try { sessionStorage.setItem(storageKey(), text); } catch {}
}

// Tell the server, and tell it again if nothing comes of it.
function tell(event, value, tries = 1) {
  const told = (outstanding = { event });
  page.setTriggerValue(event, value);
  setTimeout(function check() {
    if (outstanding !== told || tries === MAX_TRIES) return;
    if (state("Connection") === "CONNECTED" && state("Script") !== "running") tell(event, value, tries + 1);
    else setTimeout(check, RETRY_MS);
  }, RETRY_MS);
}

const app = () => document.querySelector("[data-test-connection-state]");
const state = (of) => app()?.dataset[`test${of}State`];

// After a restart nothing runs until the visitor does something, and that would meet a page without its photo.
function watchConnection() {
  if (observed === app()) return;
  observed = app();
  let wasAway = state("Connection") !== "CONNECTED";
  const observer = new MutationObserver(() => {
    if (outstanding?.event === "returned" && state("Script") === "running") outstanding = null;
    const isAway = state("Connection") !== "CONNECTED";
    if (wasAway && !isAway && page) tell("returned", Date.now());
    wasAway = isAway;
  });
  observer.observe(observed, { attributeFilter: ["data-test-connection-state", "data-test-script-state"] });
}
