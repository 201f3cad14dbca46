// What stands beside the machine: journal, line, the bank's books, the state, the faults and the cabinet's inside.
import { byId, perform } from "./deeds.js";

const MOST_ROWS = 400;

function made(tag, className, text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

// ── Logs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Adds rows at the end, and stays there unless the reader has scrolled up. */
function add(log, rows) {
  const atEnd = log.hidden || log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  const list = log.querySelector("ol");
  list.append(...rows);
  while (list.children.length > MOST_ROWS) list.firstElementChild.remove();
  if (atEnd) log.scrollTop = log.scrollHeight;
}

/** A stream that began anew tells again what was told. */
function unheard(log, items) {
  const last = Number(log.dataset.last ?? 0);
  const fresh = items.filter(({ number }) => number > last);
  if (fresh.length) log.dataset.last = fresh.at(-1).number;
  return fresh;
}

export function addRecords(records) {
  const log = byId("journal");
  add(log, unheard(log, records).map(({ at, kind, text }) => {
    const row = made("li", `record ${kind}`);
    row.append(made("time", "at", at || "–"), made("span", "kind", kind), made("span", "text", text));
    return row;
  }));
}

export function showJournalTrouble(why) {
  byId("journal").classList.toggle("bad", Boolean(why));
  byId("journal").title = why;
}

export function addSends(sends) {
  const log = byId("sends");
  add(log, unheard(log, sends).map(({ at, kind, answer, lost, ms }) => {
    const row = made("li", lost ? "send lost" : answer === "refused" ? "send refused" : "send");
    row.append(made("time", "at", at), made("span", "kind", kind), made("span", "text", lost || `→ ${answer}`), made("span", "ms", `${ms} ms`));
    return row;
  }));
}

export function showLedger({ accounts, why }) {
  byId("tab-ledger").hidden = false;
  const shown = accounts.map(({ owner, account, balance, held, postings }) => {
    const sheet = made("section", "account");
    const head = made("h3", "", `${owner}, account ${account}`);
    const figures = made("p", "figures", `balance ${balance}, held ${held}`);
    const rows = made("ol", "postings");
    rows.append(...postings.map((each) => {
      const row = made("li", "record");
      row.append(made("time", "at", each.at), made("span", "amount", each.amount), made("span", "text", `${each.kind}, ${each.text}`));
      return row;
    }));
    sheet.append(head, figures, rows);
    return sheet;
  });
  byId("ledger").replaceChildren(...(why ? [made("p", "trouble", `The bank does not tell: ${why}`)] : []), ...shown);
}

// ── State ────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function showService(service, power) {
  const [word, look] = !power?.on ? ["Off", "off"] : !service ? ["Starting", "off"] : !service.open ? ["Closed", "closed"]
    : [service.customer ? "Serving a customer" : "In service", "open"];
  byId("service").className = `state ${look}`;
  byId("service-says").textContent = service?.why?.length ? `${word}: ${service.why[0]}` : word;
  byId("service").title = byId("service-says").textContent;
  if (!service) return;
  byId("terminal").textContent = service.terminal;
  document.title = `Machine ${service.terminal}: ${word.toLowerCase()}`;
  byId("state").replaceChildren(
    made("p", "lead", service.open ? "In service." : "Out of service, because:"),
    ...service.why.map((why) => made("p", "trouble", why)),
    ...service.devices.map(({ name, state, why }) => {
      const row = made("p", state === "online" ? "device" : "device trouble");
      row.append(made("span", "kind", name), made("span", "text", why ? `${state}: ${why}` : state));
      return row;
    }),
    made("p", "lead", `Facts that wait for the bank: ${service.waiting}${service.parked ? `, set aside: ${service.parked}` : ""}`),
  );
}

export function showCassettes(cassettes) {
  byId("cassettes").replaceChildren(...cassettes.map(({ name, value, notes, counted, stuck, rejected }) => {
    const row = made("tr", counted !== null && counted !== notes ? "apart" : "");
    const head = made("th", "", `${name}, ${value}`);
    head.scope = "row";
    row.append(head, ...[notes, counted ?? "–", stuck, rejected].map((each) => made("td", "", String(each))));
    return row;
  }));
}

// ── Faults ───────────────────────────────────────────────────────────────────────────────────────────────────────────

export function showFaults(faults) {
  const panel = byId("fault-list");
  const names = [...new Set(faults.map(({ device }) => device))];
  if (panel.children.length !== names.length) panel.replaceChildren(...names.map((device) => group(device, faults)));
  for (const fault of faults) {
    const row = panel.querySelector(`[data-fault="${CSS.escape(`${fault.device} ${fault.name}`)}"]`);
    row.classList.toggle("on", fault.how !== "off");
    for (const button of row.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.dataset.how === fault.how));
  }
}

function group(device, faults) {
  const box = made("section", "device-faults");
  box.append(made("h3", "", device), ...faults.filter((fault) => fault.device === device).map(faultRow));
  return box;
}

function faultRow({ device, name, says }) {
  const row = made("div", "fault");
  row.dataset.fault = `${device} ${name}`;
  row.append(made("p", "text", says), ...["once", "stays"].map((how) => {
    const button = made("button", "how", how === "once" ? "Once" : "Stays");
    button.type = "button";
    button.dataset.how = how;
    button.setAttribute("aria-label", `${how === "once" ? "Once" : "Until switched off"}: ${says}`);
    button.addEventListener("click", () => {
      const on = button.getAttribute("aria-pressed") === "true";
      perform({ do: "fault", device, name, how: on ? "off" : how });
    });
    return button;
  }));
  return row;
}

// ── Clocks ───────────────────────────────────────────────────────────────────────────────────────────────────────────

export function showClocks(clocks) {
  byId("clocks").hidden = !clocks;
  if (clocks) byId("ahead").textContent = clocks.ahead || "as this computer's";
}

// ── Tabs and buttons ─────────────────────────────────────────────────────────────────────────────────────────────────

export function listenToPanels() {
  for (const list of document.querySelectorAll("[role=tablist]")) listenToTabs(list);
  byId("clocks").addEventListener("click", (event) => {
    const button = event.target.closest("[data-minutes]");
    if (button) perform({ do: "forward", minutes: Number(button.dataset.minutes) });
  });
  byId("clear").addEventListener("click", () => perform({ do: "clear-path" }));
  byId("fill").addEventListener("submit", (event) => {
    event.preventDefault();
    perform({ do: "load", notes: byId("notes").valueAsNumber });
  });
}

function listenToTabs(list) {
  const tabs = () => [...list.querySelectorAll("[role=tab]:not([hidden])")];
  list.addEventListener("click", (event) => {
    const tab = event.target.closest("[role=tab]");
    if (tab) choose(tabs(), tab);
  });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const all = tabs();
    const next = all[(all.indexOf(document.activeElement) + step + all.length) % all.length];
    next.focus();
    choose(all, next);
    event.preventDefault();
  });
}

function choose(tabs, chosen) {
  for (const tab of tabs) {
    tab.setAttribute("aria-selected", String(tab === chosen));
    tab.tabIndex = tab === chosen ? 0 : -1;
    const panel = byId(tab.getAttribute("aria-controls"));
    panel.hidden = tab !== chosen;
    if (!panel.hidden && panel.firstElementChild?.tagName === "OL") panel.scrollTop = panel.scrollHeight;
  }
}
