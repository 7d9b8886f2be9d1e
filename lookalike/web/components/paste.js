// Photos from the clipboard: with the keyboard anywhere on the page, or with the button where the browser allows it.
export default function ({ parentElement, data, setTriggerValue }) {
  const button = parentElement.querySelector("button");
  const status = parentElement.querySelector("[role=status]");
  button.textContent = data.label;

  function sendFile(file) {
    if (file.size > data.max_bytes) return showStatus(data.too_large);
    const reader = new FileReader();
    reader.onload = () => { showStatus(""); setTriggerValue("photo", reader.result); };
    reader.readAsDataURL(file);
  }

  function showStatus(text) {
    status.textContent = text;
  }

  const onPaste = (event) => {
    const file = [...(event.clipboardData?.files ?? [])].find((candidate) => candidate.type.startsWith("image/"));
    if (!file) return;
    event.preventDefault();
    sendFile(file);
  };
  button.onclick = async () => {
    try {
      for (const item of await navigator.clipboard.read()) {
        const type = item.types.find((candidate) => candidate.startsWith("image/"));
        if (type) return sendFile(await item.getType(type));
      }
      showStatus(data.nothing);
    } catch {
      // No permission, no secure connection or an old browser: the keyboard still works.
      showStatus(data.by_keyboard);
    }
  };
  document.addEventListener("paste", onPaste);
  return () => document.removeEventListener("paste", onPaste);
}
