// A photo under a grid of buttons, and its garments as buttons with names. Streamlit calls this again, on the same element, whenever the data changes.
const WAIT_MS = 350; // After a tap: several taps in a row are one question.
const HOLD_MS = 400; // A finger that rests so long marks wherever it then moves; before that, up and down scroll the page.

export default function ({ parentElement, data, setTriggerValue }) {
  const photo = parentElement.querySelector(".photo");
  const grid = parentElement.querySelector(".grid");
  const image = parentElement.querySelector("img");
  const box = parentElement.querySelector(".box");
  const dots = parentElement.querySelector(".dots");
  const rowOf = (place) => Math.floor(place / data.columns);
  const columnOf = (place) => place % data.columns;
  // Cells that the visitor has marked but Streamlit does not know yet must survive a rerun of the script.
  const state = (photo.state ??= { marked: new Set(), timer: null });
  // A new picture is a new question: show its answer from the top, however far down the visitor had scrolled.
  if (state.shown && state.shown !== data.image) photo.getRootNode().host.closest("[data-testid=stMain]")?.scrollTo(0, 0);
  image.src = state.shown = data.image;
  image.alt = data.alt;
  const page = getComputedStyle(grid).getPropertyValue("--st-background-color");
  document.documentElement.style.setProperty("--page-color", page);
  grid.setAttribute("aria-label", data.label);
  if (grid.childElementCount !== data.rows * data.columns) fill(grid, data);
  state.box = data.box;
  drawGarments();
  state.known = new Set(data.cells.map(([row, column]) => row * data.columns + column));
  if (!state.timer) state.marked = new Set(state.known);
  state.knownBox = data.box;
  show();
  state.show = show;
  // Back may undo a mark that the server has not confirmed. The data do not change then, and nobody calls this again.
  if (!state.onBack) {
    state.onBack = () => {
      if (!photo.isConnected) return removeEventListener("popstate", state.onBack);
      clearTimeout(state.timer);
      state.timer = null;
      state.marked = new Set(state.known);
      state.box = state.knownBox;
      state.show();
    };
    addEventListener("popstate", state.onBack);
  }

  function show(marked = state.marked) {
    grid.classList.toggle("region", marked.size > 0);
    box.hidden = marked.size > 0 || !state.box;
    if (state.box) place(box, state.box);
    [...dots.children].forEach((dot, at) => dot.setAttribute("aria-pressed", !box.hidden && isSame(data.garments[at].box, state.box)));
    [...grid.children].forEach((cell, place) => cell.setAttribute("aria-pressed", marked.has(place)));
  }

  function place(element, [left, top, right, bottom]) {
    const percent = (share) => `${share * 100}%`;
    Object.assign(element.style, { left: percent(left), top: percent(top), width: percent(right - left), height: percent(bottom - top) });
  }

  function isSame(one, other) {
    return one.every((edge, at) => Math.abs(edge - other[at]) < 0.002);
  }

  // The names of garments that lie close together stand below each other.
  function drawGarments() {
    dots.hidden = !data.garments.length;
    dots.setAttribute("aria-label", data.garments_label);
    const text = JSON.stringify(data.garments);
    if (dots.drawn !== text) {
      dots.drawn = text;
      dots.replaceChildren(...data.garments.map(({ name }, at) => {
        const dot = document.createElement("button");
        dot.type = "button";
        dot.textContent = name;
        dot.onclick = () => dots.choose(at);
        return dot;
      }));
    }
    dots.choose = (at) => {
      clearTimeout(state.timer);
      state.timer = null;
      state.marked = new Set();
      state.box = data.garments[at].box;
      show();
      setTriggerValue("garment", at);
    };
    dots.arrange = () => {
      const [width, height] = [photo.clientWidth, photo.clientHeight];
      if (!width || dots.hidden) return;
      const taken = [];
      data.garments
        .map(({ box: [left, top, right, bottom] }, at) => ({ at, x: ((left + right) / 2) * width, y: ((top + bottom) / 2) * height }))
        .sort((one, other) => one.y - other.y)
        .forEach(({ at, x, y }) => {
          const dot = dots.children[at], [wide, high] = [dot.offsetWidth, dot.offsetHeight];
          x = Math.min(Math.max(x, wide / 2), width - wide / 2);
          y = Math.min(Math.max(y, high / 2), height - high / 2);
          const isFree = (at) => taken.every((other) => Math.abs(other.x - x) >= (other.wide + wide) / 2 || Math.abs(other.y - at) >= high);
          for (let step = 0; step < height && !isFree(y); step++) {
            if (y + step + high / 2 <= height && isFree(y + step)) y += step;
            else if (y - step - high / 2 >= 0 && isFree(y - step)) y -= step;
          }
          taken.push({ x, y, wide });
          Object.assign(dot.style, { left: `${x}px`, top: `${y}px` });
        });
    };
    dots.arrange();
    if (!dots.watcher) {
      dots.watcher = new ResizeObserver(() => dots.arrange());
      dots.watcher.observe(photo);
    }
  }

  function send(wait) {
    show();
    clearTimeout(state.timer);
    state.timer = setTimeout(() => {
      state.timer = null;
      const all = state.marked.size === data.rows * data.columns;
      const places = all ? [] : [...state.marked].sort((a, b) => a - b);
      setTriggerValue("cells", places.map((place) => [rowOf(place), columnOf(place)]));
    }, wait);
  }

  function toggle(place) {
    if (!state.marked.delete(place)) state.marked.add(place);
    send(WAIT_MS);
  }

  function placeAt({ clientX, clientY }) {
    const box = grid.getBoundingClientRect();
    const cellAt = (at, start, length, count) => Math.min(count - 1, Math.max(0, Math.floor(((at - start) / length) * count)));
    return cellAt(clientY, box.top, box.height, data.rows) * data.columns + cellAt(clientX, box.left, box.width, data.columns);
  }

  function rectangle(from, to) {
    const [top, bottom] = [rowOf(from), rowOf(to)].sort((a, b) => a - b);
    const [left, right] = [columnOf(from), columnOf(to)].sort((a, b) => a - b);
    const inside = new Set();
    for (let row = top; row <= bottom; row++)
      for (let column = left; column <= right; column++) inside.add(row * data.columns + column);
    return inside;
  }

  let from = null;
  grid.onpointerdown = (event) => {
    if (event.button || !event.isPrimary) return;
    from = placeAt(event);
    state.held = false;
    clearTimeout(state.hold);
    state.hold = setTimeout(() => {
      state.held = from !== null;
      if (state.held) show(rectangle(from, from));
    }, HOLD_MS);
    grid.setPointerCapture(event.pointerId);
  };
  grid.onpointermove = (event) => {
    const to = placeAt(event);
    if (from === null || (to === from && !state.held)) return;
    clearTimeout(state.hold);
    show(rectangle(from, to));
  };
  grid.onpointerup = (event) => {
    clearTimeout(state.hold);
    if (from === null) return;
    const to = placeAt(event);
    if (to === from) toggle(to);
    else { state.marked = rectangle(from, to); send(0); }
    focus(to);
    from = null;
  };
  grid.onpointercancel = () => { clearTimeout(state.hold); from = null; show(); };
  grid.oncontextmenu = (event) => { if (state.held) event.preventDefault(); }; // what a finger that rests would open
  if (!state.keepsHeld) {
    state.keepsHeld = (event) => state.held && event.preventDefault();
    grid.addEventListener("touchmove", state.keepsHeld, { passive: false });
  }
  // A click without a pointer comes from a keyboard or a screen reader; pointers are handled above.
  grid.onclick = (event) => { if (!event.detail) toggle([...grid.children].indexOf(event.target)); };
  grid.onkeydown = (event) => {
    const here = [...grid.children].indexOf(event.target);
    const row = rowOf(here), column = columnOf(here);
    const to = {
      ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1], ArrowUp: [row - 1, column],
      ArrowDown: [row + 1, column], Home: [row, 0], End: [row, data.columns - 1],
    }[event.key];
    if (event.key === "Escape" && state.marked.size) { state.marked = new Set(); send(0); }
    if (!to) return;
    event.preventDefault();
    focus(Math.min(data.rows - 1, Math.max(0, to[0])) * data.columns + Math.min(data.columns - 1, Math.max(0, to[1])));
  };

  // The Tab key stops at the grid once; the arrow keys move within it.
  function focus(place) {
    [...grid.children].forEach((cell, at) => (cell.tabIndex = at === place ? 0 : -1));
    grid.children[place].focus({ preventScroll: true });
  }
}

function fill(grid, data) {
  grid.style.setProperty("--columns", data.columns);
  grid.style.setProperty("--rows", data.rows);
  grid.replaceChildren(...Array.from({ length: data.rows * data.columns }, (_, place) => {
    const cell = document.createElement("button");
    cell.type = "button";
    cell.tabIndex = place ? -1 : 0;
    const [row, column] = [Math.floor(place / data.columns) + 1, (place % data.columns) + 1];
    cell.setAttribute("aria-label", data.cell.replace("{row}", row).replace("{column}", column));
    return cell;
  }));
}
