// A shop's own page: <lookalike-similar product="ID"> beside a product, <lookalike-photo> in a search field.
// One script tag, no framework. docs/embed.md says how to use it.
(() => {
  const script = document.currentScript;
  const base = new URL(".", script.src).href.replace(/\/$/, "");
  const options = script.dataset;
  const TEXTS = {
    similar: "Similar products",
    photo: "Search with a photo",
    searching: "Looking for similar products…",
    failed: "That did not work. Please try again.",
    nothing: "Nothing like it was found.",
    close: "Close",
    colors: "Also in",
    sizes: "Sizes",
  };
  const COUNTS = false; // The server says here whether the shop counts what is shown and clicked.
  const SIZES = ["XXS", "XS", "S", "M", "L", "XL", "XXL", "XXXL"];
  const MAX_COLORS = 6, MAX_SIZES = 12;
  const MAX_SIDE = 1024; // Nothing more of a photo is looked at.
  const STYLE = `
    :host { display: block; font: inherit; color: inherit; }
    :host([hidden]) { display: none; }
    ul { display: flex; gap: 0.75rem; overflow-x: auto; margin: 0.5rem 0; padding: 0.25rem; list-style: none; }
    li { flex: 0 0 8.5rem; }
    a, .card { display: block; color: inherit; text-decoration: none; }
    a:hover .name, a:focus-visible .name { text-decoration: underline; }
    a:focus-visible, button:focus-visible { outline: 2px solid currentColor; outline-offset: 2px; }
    img { display: block; width: 100%; aspect-ratio: 3 / 4; object-fit: contain; background: #fff; border-radius: 6px; }
    .name { display: block; margin-top: 0.35rem; font-size: 0.85em; overflow-wrap: anywhere; }
    .price, .variants { display: block; font-size: 0.85em; overflow-wrap: anywhere; }
    s { opacity: 0.7; }
    h2 { font-size: 1.05em; margin: 0; }
    button { font: inherit; color: inherit; background: none; border: 1px solid currentColor; border-radius: 6px;
      padding: 0.4rem 0.8rem; min-height: 2.75rem; cursor: pointer; }
    [role="status"]:empty { display: none; }
    .head { display: flex; justify-content: space-between; align-items: center; gap: 1rem; }
  `;
  const text = (name) => options[`text${name[0].toUpperCase()}${name.slice(1)}`] ?? TEXTS[name];

  async function ask(path, body) {
    const headers = options.key ? { "X-API-Key": options.key } : {};
    if (body) headers["Content-Type"] = "application/json";
    const answer = await fetch(base + path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body) });
    const found = await answer.json();
    if (!answer.ok) throw new Error(found.detail);
    return found;
  }

  // Tell the server what was shown or clicked: products and ranks, nothing about whom. It outlives the page.
  function report(event, matches) {
    if (!COUNTS || !matches.length) return;
    const headers = { "Content-Type": "application/json", ...(options.key && { "X-API-Key": options.key }) };
    const events = matches.map(({ product, rank }) => ({ event, product: product.id, rank }));
    fetch(`${base}/v1/events`, { method: "POST", keepalive: true, headers, body: JSON.stringify({ events }) }).catch(() => {});
  }

  // A link to the shop's page of a product, where the script tag says how: data-link="https://shop.example/p/{id}".
  function linkTo(product) {
    const address = product.link ?? options.link?.replace("{id}", encodeURIComponent(product.id));
    return address && /^https?:/i.test(new URL(address, location.href).href) ? address : null;
  }

  function nameOf({ attributes, id }) {
    return attributes.title ?? attributes.productDisplayName ??
      ([attributes.baseColour, attributes.articleType].filter(Boolean).join(" ") || id);
  }

  // A price as the page's language writes it.
  function priceText({ amount, currency }) {
    try {
      return new Intl.NumberFormat(document.documentElement.lang || undefined, { style: "currency", currency }).format(amount);
    } catch {
      return `${amount} ${currency}`.trim();
    }
  }

  // What a product's variants are: other colors, and the sizes of its own, the smallest first, sold out ones struck through.
  function variantLines({ attributes, in_stock, variants }) {
    const own = { color: attributes.baseColour ?? null, size: attributes.size ?? null, in_stock };
    const colors = [...new Set(variants.map(({ color }) => color))].filter((color) => color && color !== own.color);
    const sizes = new Map();
    for (const one of [own, ...variants]) {
      if (one.size && one.color === own.color && !sizes.get(one.size)?.in_stock) sizes.set(one.size, one);
    }
    const place = (size) => (SIZES.includes(size.toUpperCase()) ? 1e6 + SIZES.indexOf(size.toUpperCase()) : parseFloat(size) || 2e6);
    const ordered = [...sizes.values()].sort((one, other) => place(one.size) - place(other.size));
    const sizeTexts = ordered.map(({ size, in_stock }) => Object.assign(document.createElement(in_stock ? "span" : "s"), { textContent: size }));
    const lines = [["colors", colors, MAX_COLORS], ["sizes", sizeTexts.length > 1 ? sizeTexts : [], MAX_SIZES]];
    return lines.filter(([, parts]) => parts.length).map(([label, parts, most]) => {
      const line = Object.assign(document.createElement("span"), { className: "variants", textContent: `${text(label)}: ` });
      parts.slice(0, most).forEach((part, number) => line.append(number ? " · " : "", part));
      if (parts.length > most) line.append(` +${parts.length - most}`);
      return line;
    });
  }

  function card(match, element) {
    const { product } = match;
    const item = document.createElement("li");
    const link = linkTo(product);
    const body = item.appendChild(document.createElement(link ? "a" : "div"));
    body.className = "card";
    if (link) Object.assign(body, { href: link, rel: "noopener" });
    const picture = body.appendChild(new Image());
    Object.assign(picture, { src: base + product.picture, alt: "", loading: "lazy", decoding: "async" });
    const name = body.appendChild(document.createElement("span"));
    Object.assign(name, { className: "name", textContent: nameOf(product) });
    const now = product.sale_price ?? product.price;
    if (now) {
      const price = body.appendChild(document.createElement("span"));
      price.className = "price";
      price.append(priceText(now));
      if (product.sale_price) price.append(" ", Object.assign(document.createElement("s"), { textContent: priceText(product.price) }));
    }
    body.append(...variantLines(product));
    body.addEventListener("click", () => {
      if (link) report("link", [match]);
      element.dispatchEvent(new CustomEvent("lookalike-pick", { bubbles: true, composed: true, detail: match }));
    });
    return item;
  }

  class Matches extends HTMLElement {
    constructor() {
      super();
      const root = this.attachShadow({ mode: "open" });
      const sheet = new CSSStyleSheet(); // A style element would need a page's style-src to allow it.
      sheet.replaceSync(STYLE);
      root.adoptedStyleSheets = [sheet];
      this.status = document.createElement("p");
      this.status.setAttribute("role", "status");
      this.list = document.createElement("ul");
      this.title_ = document.createElement("h2");
    }

    get count() { return Math.min(Math.max(Number(this.getAttribute("count")) || 5, 1), 50); }

    // Show what a question answers; of several at once, the last one counts.
    async show(question) {
      const mine = (this.question = question);
      this.status.textContent = text("searching");
      try {
        const { matches } = await question;
        if (this.question !== mine) return;
        this.list.replaceChildren(...matches.map((match) => card(match, this)));
        this.status.textContent = matches.length ? "" : text("nothing");
        report("shown", matches);
      } catch (error) {
        if (this.question !== mine) return;
        this.list.replaceChildren();
        this.status.textContent = error.message || text("failed");
      }
    }
  }

  class Similar extends Matches {
    static observedAttributes = ["product", "count"];

    connectedCallback() {
      this.title_.textContent = this.getAttribute("heading") ?? text("similar");
      this.shadowRoot.replaceChildren(this.title_, this.status, this.list);
      this.load();
    }

    attributeChangedCallback() { if (this.isConnected) this.load(); }

    load() {
      const product = this.getAttribute("product");
      if (product) this.show(ask(`/v1/products/${encodeURIComponent(product)}/similar?k=${this.count}`));
    }
  }

  class Photo extends Matches {
    connectedCallback() {
      const input = Object.assign(document.createElement("input"), { type: "file", accept: "image/*", hidden: true });
      const button = document.createElement("button");
      Object.assign(button, { type: "button", textContent: this.getAttribute("label") ?? text("photo") });
      button.onclick = () => input.click();
      input.onchange = () => { if (input.files[0]) this.search(input.files[0]); input.value = ""; };
      const close = Object.assign(document.createElement("button"), { type: "button", textContent: text("close") });
      this.answer = Object.assign(document.createElement("section"), { hidden: true });
      close.onclick = () => { this.answer.hidden = true; this.question = null; button.focus(); };
      this.title_.textContent = text("similar");
      const head = Object.assign(document.createElement("div"), { className: "head" });
      head.append(this.title_, close);
      this.answer.append(head, this.status, this.list);
      this.shadowRoot.replaceChildren(button, input, this.answer);
    }

    search(file) {
      this.answer.hidden = false;
      this.list.replaceChildren();
      this.show(shrink(file).then((photo) => ask("/v1/similar", { photos: [{ base64: photo }], k: this.count })));
    }
  }

  // The base64 of a photo as a JPEG of at most MAX_SIDE pixels a side, on white; as it is where the browser can't draw it.
  async function shrink(file) {
    let blob = file;
    try {
      const image = await createImageBitmap(file);
      const scale = Math.min(1, MAX_SIDE / Math.max(image.width, image.height));
      const [width, height] = [image.width, image.height].map((side) => Math.max(1, Math.round(side * scale)));
      const canvas = Object.assign(document.createElement("canvas"), { width, height });
      const context = canvas.getContext("2d");
      context.fillStyle = "white";
      context.fillRect(0, 0, width, height);
      context.drawImage(image, 0, 0, width, height);
      blob = (await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.92))) ?? file;
    } catch {}
    const bytes = new Uint8Array(await blob.arrayBuffer());
    let letters = "";
    for (let start = 0; start < bytes.length; start += 32768) {
      letters += String.fromCharCode(...bytes.subarray(start, start + 32768));
    }
    return btoa(letters);
  }

  customElements.define("lookalike-similar", Similar);
  customElements.define("lookalike-photo", Photo);
})();
