// Photos from the clipboard: with the keyboard anywhere on the page, or with the button where a browser allows it.
export default function ({ parentElement, data, setTriggerValue }) {
  const button = parentElement.querySelector("button");
  const said = parentElement.querySelector("[role=status]");
  button.textContent = data.label;

  function take(file) {
    if (file.size > data.limit) return say(data.too_large);
    const reader = new FileReader();
    reader.onload = () => { say(""); setTriggerValue("photo", reader.result); };
    reader.readAsDataURL(file);
  }

  function say(text) {
    said.textContent = text;
  }

  const onPaste = (event) => {
    const file = [...(event.clipboardData?.files ?? [])].find((one) => one.type.startsWith("image/"));
    if (!file) return;
    event.preventDefault();
    take(file);
  };
  button.onclick = async () => {
    try {
      for (const item of await navigator.clipboard.read()) {
        const type = item.types.find((one) => one.startsWith("image/"));
        if (type) return take(await item.getType(type));
      }
      say(data.nothing);
    } catch {
      // No permission, no secure connection or no such browser: the keyboard's way is left.
      say(data.by_keyboard);
    }
  };
  document.addEventListener("paste", onPaste);
  return () => document.removeEventListener("paste", onPaste);
}
