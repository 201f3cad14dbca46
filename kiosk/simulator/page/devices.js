// The machine's other mouths: notes that go in, receipts that come out, doors, and the headphones with their sound.
import { byId, perform } from "./deeds.js";

const FAR = 6; // pixels from where a press becomes a drag

function made(tag, className, text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

function note(value) {
  const element = made("span", "note", String(value));
  element.dataset.value = value;
  return element;
}

export function listenToDevices() {
  byId("given").addEventListener("click", () => perform({ do: "take-notes" }));
  byId("receipt").addEventListener("click", () => perform({ do: "take-receipt" }));
  byId("roll").addEventListener("click", () => perform({ do: "new-roll" }));
  byId("feed").addEventListener("click", () => perform({ do: "feed-button" }));
  byId("ear").addEventListener("click", () => perform({ do: "headphones", plugged: byId("ear").getAttribute("aria-pressed") !== "true" }));
}

// ── Notes in ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export function showAcceptor(acceptor) {
  byId("notes-in").hidden = byId("to-pay-in").hidden = !acceptor;
  if (!acceptor) return;
  const { values, ready, mouth, escrow, path, box } = acceptor;
  if (byId("to-pay-in").childElementCount !== values.length) byId("to-pay-in").replaceChildren(...values.map(payable));
  byId("notes-in").classList.toggle("ready", ready);
  const back = byId("given");
  back.hidden = mouth.length === 0;
  back.replaceChildren(...mouth.map(note));
  back.setAttribute("aria-label", `Take the notes that were given back: ${mouth.join(", ")}`);
  const held = escrow.length ? `Held: ${escrow.join(", ")}` : "";
  byId("notes-hint").textContent = mouth.length ? "Click the notes to take them"
    : path.length ? "A note goes in" : held || (ready ? "Drag or click a note" : "It takes no notes now");
  byId("box").textContent = box.length ? `${box.length} ${box.length === 1 ? "note" : "notes"}, ${box.reduce((all, each) => all + each, 0).toLocaleString("en")}` : "empty";
}

/** A note in the hand: there are always more of it. */
function payable(value) {
  const button = made("button", "payable");
  button.type = "button";
  button.append(note(value));
  button.setAttribute("aria-label", `Put a note of ${value} in`);
  let from = null;
  let dragged = false;
  const rest = () => {
    from = null;
    button.style.transform = "";
    button.classList.remove("dragged");
    byId("notes-in").classList.remove("wanted");
  };
  button.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    from = { x: event.clientX, y: event.clientY };
    dragged = false;
    button.setPointerCapture(event.pointerId);
  });
  button.addEventListener("pointermove", (event) => {
    if (!from) return;
    const [x, y] = [event.clientX - from.x, event.clientY - from.y];
    dragged ||= Math.hypot(x, y) > FAR;
    if (!dragged) return;
    button.classList.add("dragged");
    button.style.transform = `translate(${x}px, ${y}px)`;
    byId("notes-in").classList.toggle("wanted", over(byId("notes-in"), event));
  });
  button.addEventListener("pointerup", (event) => {
    const there = from !== null && dragged && over(byId("notes-in"), event);
    rest();
    if (there) perform({ do: "insert-note", value });
  });
  button.addEventListener("pointercancel", rest);
  button.addEventListener("click", () => {
    if (!dragged) perform({ do: "insert-note", value });
    dragged = false;
  });
  return button;
}

function over(place, event) {
  const box = place.getBoundingClientRect();
  return event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
}

// ── Receipts ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export function showReceipts(receipts) {
  byId("paper").hidden = byId("tab-receipts").hidden = byId("roll-row").hidden = !receipts;
  if (!receipts) return;
  const { hanging, taken, printing, metres } = receipts;
  const button = byId("receipt");
  button.disabled = hanging.length === 0;
  button.replaceChildren(...hanging.slice(0, 1).map(paper));
  button.setAttribute("aria-label", hanging.length ? `Take the receipt: ${hanging[0].text}` : "No receipt");
  byId("receipt-hint").textContent = hanging.length ? "Click the receipt to take it" : printing ? "It prints" : "No receipt";
  byId("receipts").replaceChildren(...(taken.length ? taken.map(paper) : [made("p", "lead", "No receipt was taken yet.")]));
  byId("metres").textContent = `${metres} m of paper`;
}

function paper({ lines }) {
  const sheet = made("div", "paper");
  sheet.append(...lines.map((line) => {
    if (line.code) return code(line.code);
    if (line.picture) {
      const picture = made("img", "drawn");
      picture.src = `data:image/png;base64,${line.picture}`;
      picture.alt = "";
      return picture;
    }
    const looks = ["bold", "large", "centre"].filter((look) => line[look]).join(" ");
    return made("p", looks, line.text || " ");
  }));
  return sheet;
}

/** A QR code as one path: a square a module. */
function code(rows) {
  const NS = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(NS, "svg");
  drawing.setAttribute("viewBox", `-4 -4 ${rows.length + 8} ${rows.length + 8}`);
  drawing.setAttribute("class", "code");
  drawing.setAttribute("shape-rendering", "crispEdges");
  const path = document.createElementNS(NS, "path");
  path.setAttribute("d", rows.flatMap((row, y) => [...row].map((module, x) => (module === "1" ? `M${x} ${y}h1v1h-1z` : ""))).join(""));
  drawing.append(path);
  return drawing;
}

// ── Doors ────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function showDoors(doors) {
  const row = byId("doors");
  if (row.childElementCount !== doors.length) row.replaceChildren(...doors.map(doorButton));
  doors.forEach(({ name, open }, place) => {
    const button = row.children[place];
    button.setAttribute("aria-pressed", String(open));
    button.textContent = `${name[0].toUpperCase() + name.slice(1)} door ${open ? "open" : "closed"}`;
  });
}

function doorButton({ name }) {
  const button = made("button", "small-switch");
  button.type = "button";
  button.addEventListener("click", () => perform({ do: "door", name, open: button.getAttribute("aria-pressed") !== "true" }));
  return button;
}

// ── Headphones ───────────────────────────────────────────────────────────────────────────────────────────────────────

const sound = new Audio();
let inEar = false;

export function showJack(jack) {
  byId("ear").hidden = !jack;
  inEar = Boolean(jack?.plugged);
  byId("ear").setAttribute("aria-pressed", String(inEar));
  byId("ear").textContent = inEar ? "Headphones in" : "Headphones out";
  byId("caption").hidden = !inEar;
  if (!inEar) {
    sound.pause();
    byId("caption").textContent = "";
  }
}

/** The newest of what was begun: a sentence that begins ends the one before it, as in the machine. */
export function hearSaid(sentences) {
  const newest = sentences.at(-1);
  if (!newest || !inEar) return;
  if (newest.text) byId("caption").textContent = newest.text;
  sound.src = `sound/${newest.number}.wav`;
  // A browser may keep silent until it was clicked on, and there may be no espeak-ng; the words stand there all the same.
  sound.play().catch(() => {});
}
