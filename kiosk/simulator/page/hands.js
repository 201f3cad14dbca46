// A person's hands: cards that are dragged or pressed into the slot, notes that are taken, lamps that are seen.
import { byId, perform } from "./deeds.js";

const FAR = 6; // pixels from where a press becomes a drag

export function listenToHands() {
  byId("tray").addEventListener("click", () => perform({ do: "take-cash" }));
}

// ── Cards ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Each card has its place in the hand, which is empty while the card is in the machine; its letter stays there. */
export function showCards({ inside, all, blanks }) {
  for (const name of all) {
    const place = document.querySelector(`[data-holder="${CSS.escape(name)}"]`) ?? holder(name, blanks.includes(name));
    place.querySelector(".place").replaceChildren(...(name === inside ? [] : [card(name, false, blanks.includes(name))]));
  }
  byId("inside").replaceChildren(...(inside ? [card(inside, true, blanks.includes(inside))] : []));
  byId("slot").classList.toggle("taken", Boolean(inside));
  byId("slot-hint").textContent = inside ? "Click it or drag it out" : "Drag or click a card";
}

/** Where a card is kept, with the letter that its PIN came in; a stick with nothing on it has none. */
function holder(name, blank) {
  const place = document.createElement("div");
  place.className = "holder";
  place.dataset.holder = name;
  const space = document.createElement("div");
  space.className = "place";
  const letter = document.createElement("button");
  letter.type = "button";
  letter.className = "letter";
  letter.textContent = "PIN letter";
  letter.setAttribute("aria-label", `Open the PIN letter of ${title(name)}`);
  letter.addEventListener("click", () => openLetter(letter, name));
  place.append(space, ...(blank ? [] : [letter]));
  byId("cards").append(place);
  return place;
}

async function openLetter(letter, name) {
  const open = letter.classList.toggle("open");
  const said = open ? await perform({ do: "pin", card: name }) : null;
  letter.classList.toggle("open", Boolean(said));
  letter.textContent = said ? `PIN ${said.pin}` : "PIN letter";
  letter.setAttribute("aria-label", said ? `The PIN of ${title(name)} is ${[...said.pin].join(" ")}` : `Open the PIN letter of ${title(name)}`);
}

function title(name) {
  return name[0].toUpperCase() + name.slice(1).replaceAll("-", " ");
}

function card(name, inside, blank) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = blank ? "card blank" : "card";
  made.dataset.card = name;
  const what = blank ? title(name) : `${title(name)}'s card`;
  made.setAttribute("aria-label", inside ? `Pull ${what}` : `Put in ${what}`);
  const chip = document.createElement("span");
  chip.className = "chip";
  const owner = document.createElement("span");
  owner.className = "owner";
  owner.textContent = title(name);
  made.append(chip, owner);
  draggable(made, name, inside);
  return made;
}

function move(name, inside) {
  return perform(inside ? { do: "pull" } : { do: "insert", card: name });
}

/** By mouse, pen or finger from the hand to the slot or out of it; a press that does not move does the same. */
function draggable(made, name, inside) {
  let from = null;
  let dragged = false;
  made.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    from = { x: event.clientX, y: event.clientY };
    dragged = false;
    made.setPointerCapture(event.pointerId);
  });
  made.addEventListener("pointermove", (event) => {
    if (!from) return;
    const [x, y] = [event.clientX - from.x, event.clientY - from.y];
    dragged ||= Math.hypot(x, y) > FAR;
    if (!dragged) return;
    made.classList.add("dragged");
    made.style.transform = `translate(${x}px, ${y}px)`;
    byId("slot").classList.toggle("wanted", !inside && over(byId("slot"), event));
  });
  made.addEventListener("pointerup", (event) => {
    const there = over(byId("slot"), event);
    const moved = from !== null && dragged;
    drop();
    if (moved && there !== inside) move(name, inside);
  });
  made.addEventListener("pointercancel", drop);
  made.addEventListener("click", (event) => {
    // A drag ends in a click too, and has been heard already.
    if (!dragged) move(name, inside);
    dragged = false;
    // By keyboard: what is typed next is for the machine, and Enter must not pull the card again.
    if (event.detail === 0) byId("glass").focus();
  });

  function drop() {
    from = null;
    made.classList.remove("dragged");
    made.style.transform = "";
    byId("slot").classList.remove("wanted");
  }
}

function over(place, event) {
  const box = place.getBoundingClientRect();
  return event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
}

// ── Notes ────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function showCash({ currency, tray, hand }) {
  const button = byId("tray");
  const notes = tray.flatMap(({ value, count }) => Array(count).fill(value));
  const had = button.children.length;
  while (button.children.length > notes.length) button.lastChild.remove();
  notes.forEach((value, place) => {
    const old = button.children[place];
    if (old?.dataset.value !== String(value)) (old ? old.replaceWith(note(value)) : button.append(note(value)));
  });
  for (const fresh of [...button.children].slice(had)) fresh.classList.add("fresh");
  button.disabled = notes.length === 0;
  const says = counted(tray);
  button.setAttribute("aria-label", says ? `Take the notes: ${says}` : "Nothing in the tray");
  byId("tray-hint").textContent = says ? `Click to take: ${says}` : "Nothing in the tray";
  showPurse(currency, hand);
}

function showPurse(currency, hand) {
  const stacks = hand.map(({ value, count }) => {
    const stack = document.createElement("div");
    stack.className = "stack";
    const times = document.createElement("span");
    times.textContent = `× ${count}`;
    stack.append(note(value), times);
    return stack;
  });
  const total = document.createElement("p");
  const sum = hand.reduce((all, { value, count }) => all + value * count, 0);
  total.className = "total";
  total.textContent = sum ? `${sum.toLocaleString("en")} ${currency} taken` : "No notes yet";
  byId("purse").replaceChildren(...stacks, total);
}

function counted(notes) {
  return notes.map(({ value, count }) => `${count} × ${value}`).join(", ");
}

function note(value) {
  const made = document.createElement("span");
  made.className = "note";
  made.dataset.value = value;
  made.textContent = value;
  return made;
}

// ── Lamps ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Each at its slot; those that have no slot on the picture stand in a row above the screen. */
export function showLamps(lamps) {
  for (const [name, lit] of Object.entries(lamps)) {
    const lamp = document.querySelector(`[data-lamp="${CSS.escape(name)}"]`) ?? otherLamp(name);
    lamp.classList.toggle("lit", lit);
    lamp.setAttribute("role", "img");
    lamp.setAttribute("aria-label", `${name} lamp: ${lit ? "lit" : "dark"}`);
  }
}

function otherLamp(name) {
  const label = document.createElement("span");
  label.className = "other-lamp";
  const lamp = document.createElement("span");
  lamp.className = "lamp";
  lamp.dataset.lamp = name;
  label.append(lamp, name);
  byId("other-lamps").append(label);
  return lamp;
}
