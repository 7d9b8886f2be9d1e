// The photo under a grid of buttons. Streamlit calls this anew, on the same element, whenever the data changes.
const WAIT = 350; // ms after a tap: several taps in a row are one question

export default function ({ parentElement, data, setTriggerValue }) {
  const photo = parentElement.querySelector(".photo");
  const grid = parentElement.querySelector(".grid");
  // What the person has marked but Streamlit does not know yet must outlive a new run of the script.
  const own = (photo.own ??= { picked: new Set(), pending: null });
  const image = parentElement.querySelector("img");
  // Another picture is another question: its answer is read from the top, however far down it was asked.
  if (own.shown && own.shown !== data.image) photo.getRootNode().host.closest("[data-testid=stMain]")?.scrollTo(0, 0);
  image.src = own.shown = data.image;
  image.alt = data.alt;
  const page = getComputedStyle(grid).getPropertyValue("--st-background-color");
  document.documentElement.style.setProperty("--page-color", page);
  grid.setAttribute("aria-label", data.label);
  if (grid.childElementCount !== data.rows * data.columns) fill(grid, data);
  if (!own.pending) own.picked = new Set(data.cells.map(([row, column]) => row * data.columns + column));
  show();

  function show(picked = own.picked) {
    grid.classList.toggle("part", picked.size > 0);
    [...grid.children].forEach((cell, place) => cell.setAttribute("aria-pressed", picked.has(place)));
  }

  function tell(wait) {
    show();
    clearTimeout(own.pending);
    own.pending = setTimeout(() => {
      own.pending = null;
      const all = own.picked.size === data.rows * data.columns;
      const cells = all ? [] : [...own.picked].sort((a, b) => a - b);
      setTriggerValue("cells", cells.map((place) => [Math.floor(place / data.columns), place % data.columns]));
    }, wait);
  }

  function toggle(place) {
    if (!own.picked.delete(place)) own.picked.add(place);
    tell(WAIT);
  }

  function placeAt({ clientX, clientY }) {
    const box = grid.getBoundingClientRect();
    const part = (at, start, length, count) => Math.min(count - 1, Math.max(0, Math.floor(((at - start) / length) * count)));
    return part(clientY, box.top, box.height, data.rows) * data.columns + part(clientX, box.left, box.width, data.columns);
  }

  function rectangle(from, to) {
    const [rows, columns] = [Math.floor, (place) => place % data.columns].map((n, i) =>
      (i ? [from, to].map(n) : [from, to].map((place) => n(place / data.columns))).sort((a, b) => a - b));
    const inside = new Set();
    for (let row = rows[0]; row <= rows[1]; row++)
      for (let column = columns[0]; column <= columns[1]; column++) inside.add(row * data.columns + column);
    return inside;
  }

  let from = null;
  grid.onpointerdown = (event) => {
    if (event.button) return;
    from = placeAt(event);
    grid.setPointerCapture(event.pointerId);
  };
  grid.onpointermove = (event) => {
    const to = placeAt(event);
    if (from !== null) show(to === from ? own.picked : rectangle(from, to));
  };
  grid.onpointerup = (event) => {
    if (from === null) return;
    const to = placeAt(event);
    if (to === from) toggle(to);
    else { own.picked = rectangle(from, to); tell(0); }
    focus(to);
    from = null;
  };
  grid.onpointercancel = () => { from = null; show(); };
  // A click without a pointer is a keyboard's or a screen reader's; the pointer's own are dealt with above.
  grid.onclick = (event) => { if (!event.detail) toggle([...grid.children].indexOf(event.target)); };
  grid.onkeydown = (event) => {
    const here = [...grid.children].indexOf(event.target);
    const row = Math.floor(here / data.columns), column = here % data.columns;
    const to = {
      ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1], ArrowUp: [row - 1, column],
      ArrowDown: [row + 1, column], Home: [row, 0], End: [row, data.columns - 1],
    }[event.key];
    if (event.key === "Escape" && own.picked.size) { own.picked = new Set(); tell(0); }
    if (!to) return;
    event.preventDefault();
    focus(Math.min(data.rows - 1, Math.max(0, to[0])) * data.columns + Math.min(data.columns - 1, Math.max(0, to[1])));
  };

  // One stop for the Tab key; the arrows move within.
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
