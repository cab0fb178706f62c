// Single keys. Which there are, and which the person has chosen, comes with the page; what one
// does here is said by the page's elements: see docs/keyboard.md.

const PAUSE = 1500;
const WAITING = "key";
const holder = document.querySelector("[data-keys]");
const table = JSON.parse(holder?.dataset.keys || "{}");
const starts = new Set(Object.keys(table).filter((keys) => keys.includes(" ")).map((keys) => keys[0]));
const ARROWS = { ArrowDown: "j", ArrowUp: "k" };
let before = { key: "", at: 0 };
let leftAt = 0;

const shown = (element) => element.getClientRects().length > 0;
const isField = (element) =>
  element.matches?.("input:not([type=checkbox], [type=radio], [type=submit], [type=button]), textarea, select, [contenteditable]");

function find(name) {
  const all = [...document.querySelectorAll("[data-key]")].filter((each) => each.dataset.key === name);
  return all.find(shown) ?? all.find((each) => holder.contains(each));
}

function press(element) {
  if (isField(element)) {
    element.focus();
    element.select?.();
    return;
  }
  if (element.matches("summary")) {
    const details = element.parentElement;
    details.open = !details.open;
    const inside = details.querySelector(":is(input, select, button, a[href]):not([type=hidden])");
    (details.open && inside ? inside : element).focus();
    return;
  }
  if (element.matches("a[href]:not([data-dialog], [href^='#'])")) leftAt = Date.now();
  element.focus({ preventScroll: true });
  element.click();
}

// True when the page has the key. Scripts of its parts come first, by this event.
function act(name) {
  const event = new CustomEvent("portal:key", { detail: { name }, cancelable: true });
  if (!document.dispatchEvent(event)) return true;
  const element = find(name);
  if (element) press(element);
  else if (Date.now() - leftAt < PAUSE) window.sessionStorage.setItem(WAITING, JSON.stringify({ name, at: Date.now() }));
  return Boolean(element);
}

function nameOf(event) {
  if (ARROWS[event.key]) {
    // Where rows are gone through; elsewhere arrows scroll.
    const isAtRows = event.target === document.body || event.target.closest("h1, tr, [data-row]");
    return isAtRows && Object.values(table).includes(ARROWS[event.key]) ? ARROWS[event.key] : "";
  }
  const isSecond = before.key && event.timeStamp - before.at < PAUSE;
  const name = (isSecond && table[`${before.key} ${event.key}`]) || table[event.key];
  before = { key: !isSecond && starts.has(event.key) ? event.key : "", at: event.timeStamp };
  return name;
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "Escape") return leave(event);
  if (["Shift", "Tab", "Enter", " "].includes(event.key)) return undefined;
  if (isField(event.target) || document.querySelector("dialog[open]")) return undefined;
  const name = nameOf(event);
  if (name && act(name)) event.preventDefault();
  return undefined;
});

// What a key has opened, Escape closes, and the focus is where it was.
function leave(event) {
  const details = event.target.closest?.("details[open]:not(.menu)");
  const summary = details?.querySelector("summary[data-key]");
  if (!summary) return;
  details.open = false;
  summary.focus();
}

function tell() {
  for (const [keys, name] of Object.entries(table)) {
    if (keys.includes(" ")) continue;
    find(name)?.setAttribute("aria-keyshortcuts", /^[A-Z]$/.test(keys) ? `Shift+${keys}` : keys);
  }
}

// A key that was pressed while its page, or the part of it, was on the way.
function resume() {
  const waiting = JSON.parse(window.sessionStorage.getItem(WAITING) ?? "null");
  window.sessionStorage.removeItem(WAITING);
  leftAt = 0;
  if (waiting && Date.now() - waiting.at < PAUSE && Object.values(table).includes(waiting.name)) act(waiting.name);
}

tell();
resume();
document.addEventListener("htmx:after:swap", () => { tell(); resume(); });
