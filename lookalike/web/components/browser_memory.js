// Texts that this browser remembers for this shop. Other tabs of it are told when they change.
export default function ({ data, setTriggerValue }) {
  const name = `lookalike.${data.name} ${new URL(".", location).pathname}`;

  function read() {
    try { return JSON.parse(localStorage.getItem(name)) ?? []; } catch { return []; }
  }

  const onStorage = (event) => { if (event.key === name) setTriggerValue("changed", read()); };
  if (data.is_known) {
    // The browser may forbid it, or be full: then the texts last as long as the session.
    try { localStorage.setItem(name, JSON.stringify(data.texts)); } catch {}
  } else setTriggerValue("remembered", read());
  addEventListener("storage", onStorage);
  return () => removeEventListener("storage", onStorage);
}
