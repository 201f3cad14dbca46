// Starts the page: hears the stream, keeps what it said, and lets each part draw what is new.
import { drawPicture, listenToGlass, sizeGlass } from "./glass.js";
import { listenToHands, showCards, showCash, showLamps } from "./hands.js";
import { addRecords, addSends, listenToPanels, showCassettes, showClocks, showFaults, showJournalTrouble, showLedger, showService } from "./panels.js";
import { hearSaid, listenToDevices, showAcceptor, showDoors, showJack, showReceipts } from "./devices.js";
import { byId, listenToPad, perform } from "./deeds.js";

const now = {};

const DRAW = {
  power: showPower,
  line: showLine,
  lamps: showLamps,
  cards: showCards,
  cash: showCash,
  acceptor: showAcceptor,
  receipts: showReceipts,
  doors: showDoors,
  jack: showJack,
  faults: showFaults,
  clocks: showClocks,
  screen: showWords,
  service: () => showService(now.service, now.power),
  cassettes: showCassettes,
  journal: showJournalTrouble,
  ledger: showLedger,
};

function hear() {
  const stream = new EventSource("events");
  const on = (name, what) => stream.addEventListener(name, (event) => what(JSON.parse(event.data)));
  on("glass", sizeGlass);
  on("picture", drawPicture);
  on("journal", addRecords);
  on("line", addSends);
  on("said", hearSaid);
  on("news", (news) => {
    Object.assign(now, news);
    for (const section of Object.keys(news)) DRAW[section]?.(news[section]);
    if ("power" in news) showService(now.service, now.power);
  });
  stream.addEventListener("open", () => { byId("gone").hidden = true; });
  stream.addEventListener("error", () => { byId("gone").hidden = false; });
}

function showPower(power) {
  document.body.classList.toggle("off", !power.on);
  byId("dark").hidden = power.on;
  byId("dark").textContent = power.why ? `It does not start: ${power.why}` : "The power is off";
  const button = byId("power");
  button.textContent = power.on ? "Cut the power" : "Start again";
  button.setAttribute("aria-pressed", String(!power.on));
}

function showLine(line) {
  const button = byId("line");
  button.textContent = line.cut ? "Mend the line" : "Cut the line";
  button.setAttribute("aria-pressed", String(line.cut));
}

function showWords(screen) {
  byId("glass").dataset.screen = screen.id;
  byId("words").replaceChildren(...screen.words.map((line) => {
    const paragraph = document.createElement("p");
    paragraph.textContent = line;
    return paragraph;
  }));
}

byId("line").addEventListener("click", () => perform({ do: "line", cut: !now.line.cut }));
byId("power").addEventListener("click", () => perform({ do: "power", on: !now.power.on }));
listenToPad();
listenToGlass();
listenToHands();
listenToDevices();
listenToPanels();
hear();
