// Photos that the uploader does not take: pasted or dropped anywhere on the page, or from a phone's own camera.
const MAX_SIDE = 2048; // Nothing more of a photo is ever looked at.

export default function ({ parentElement, data, setTriggerValue }) {
  const [button, camera, input] = ["button", "label", "input"].map((name) => parentElement.querySelector(name));
  const status = parentElement.querySelector("[role=status]");
  status.textContent = "";
  parentElement.querySelector(".ways").hidden = data.listens;
  status.classList.toggle("floating", data.listens);
  button.textContent = data.label;
  camera.querySelector("span").textContent = data.camera;
  input.onchange = () => send([...input.files]);
  button.onclick = paste;

  async function send(files) {
    if (!files.length) return;
    status.textContent = data.sending;
    const photos = await Promise.all(files.slice(0, data.max_photos).map(shrink));
    if (photos.reduce((sum, photo) => sum + photo.size, 0) > data.max_bytes) return (status.textContent = data.too_large);
    setTriggerValue("photos", await Promise.all(photos.map(dataUrl)));
  }

  async function paste() {
    try {
      for (const item of await navigator.clipboard.read()) {
        const type = item.types.find((candidate) => candidate.startsWith("image/"));
        if (type) return send([await item.getType(type)]);
      }
      status.textContent = data.nothing;
    } catch {
      // No permission, no secure connection or an old browser: a keyboard still works, which a phone lacks.
      status.textContent = matchMedia("(pointer: coarse)").matches ? data.by_file : data.by_keyboard;
    }
  }

  if (!data.listens) return;
  const isImage = (file) => file.type.startsWith("image/") || !file.type;
  const onPaste = (event) => {
    // Spreadsheets put a picture of their cells beside the text: who pastes it means the text.
    if (event.clipboardData?.types.includes("text/plain")) return;
    const files = [...(event.clipboardData?.files ?? [])].filter(isImage);
    if (!files.length) return;
    event.preventDefault();
    send(files);
  };
  // Without this, a browser leaves the page to show a file that missed the uploader.
  const isOurs = (event) =>
    event.dataTransfer?.types.includes("Files") && !event.target.closest?.("[data-testid=stFileUploaderDropzone]");
  const onDragOver = (event) => isOurs(event) && event.preventDefault();
  const onDrop = (event) => {
    if (!isOurs(event)) return;
    event.preventDefault();
    send([...event.dataTransfer.files].filter(isImage));
  };
  // Streamlit's uploader takes any file; the browser should offer pictures first.
  const onChoosing = () => {
    for (const own of document.querySelectorAll("[data-testid=stFileUploader] input[type=file]")) own.accept = data.accept;
  };
  const listeners = { paste: onPaste, dragover: onDragOver, drop: onDrop, pointerdown: onChoosing, keydown: onChoosing };
  for (const [name, listener] of Object.entries(listeners)) document.addEventListener(name, listener, true);
  return () => {
    for (const [name, listener] of Object.entries(listeners)) document.removeEventListener(name, listener, true);
  };
}

// A photo as a JPEG of at most MAX_SIDE pixels a side, on white; as it is if it is small or the browser can't draw it.
async function shrink(file) {
  try {
    const image = await createImageBitmap(file);
    const scale = Math.min(1, MAX_SIDE / Math.max(image.width, image.height));
    if (scale === 1 && file.size < 1_000_000) return file;
    const [width, height] = [image.width, image.height].map((side) => Math.max(1, Math.round(side * scale)));
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const context = canvas.getContext("2d");
    context.fillStyle = "white";
    context.fillRect(0, 0, width, height);
    context.drawImage(image, 0, 0, width, height);
    return (await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.92))) ?? file;
  } catch {
    return file;
  }
}

function dataUrl(blob) {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.onerror = () => failed(reader.error);
    reader.readAsDataURL(blob);
  });
}
