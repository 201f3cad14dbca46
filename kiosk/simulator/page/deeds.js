// Asks the simulator to do something, says what came of it, and lets a keyboard press the machine's keypad.

export const byId = (id) => document.getElementById(id);

/** Sends one deed. What it answers, or null where it was refused; the refusal is shown. */
export async function perform(deed) {
  try {
    const answer = await fetch("do", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(deed),
    });
    const json = answer.headers.get("Content-Type") === "application/json";
    const said = json ? await answer.json() : { error: (await answer.text()).trim() };
    if (said.error) tell(said.error, true);
    else if (said.said) tell(said.said, false);
    return answer.ok ? said : null;
  } catch {
    tell("The simulator does not answer.", true);
    return null;
  }
}

let hiding = 0;

function tell(sentence, bad) {
  const toast = byId("toast");
  toast.textContent = sentence[0].toUpperCase() + sentence.slice(1);
  toast.className = bad ? "toast shown bad" : "toast shown";
  clearTimeout(hiding);
  hiding = setTimeout(() => toast.classList.remove("shown"), 6000);
}

export async function press(key) {
  const button = document.querySelector(`#pad [data-key="${CSS.escape(key)}"]`);
  button.classList.add("down");
  try {
    await perform({ do: "press", key });
  } finally {
    button.classList.remove("down");
  }
}

const TYPED = { Enter: "D", Escape: "A", Backspace: "B" };

/** The pad's buttons; and typed keys, unless they belong to what has the focus or the box is not ticked. */
export function listenToPad() {
  byId("pad").addEventListener("click", (event) => {
    const button = event.target.closest("[data-key]");
    if (button) press(button.dataset.key);
  });
  // A mouse on a button leaves the focus where it is, so that Enter stays the pad's OK.
  document.addEventListener("mousedown", (event) => {
    if (event.target.closest("button")) event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    if (!byId("typing").checked || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    if (event.target.closest("input[type=number]")) return;
    const onButton = event.target.closest("button") && event.key === "Enter";
    const key = TYPED[event.key] ?? (/^[0-9*#a-d]$/i.test(event.key) ? event.key.toUpperCase() : "");
    if (!key || onButton) return;
    event.preventDefault();
    press(key);
  });
}
