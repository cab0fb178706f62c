// The list of suggestions under the search box: a combobox. The server says what is in it, for
// the text it was asked for; an answer to a text that has been typed on is not shown.

const box = document.querySelector("[data-search]");
const panel = () => document.getElementById("q-panel");
const options = () => [...(panel()?.querySelectorAll("[role=option]") ?? [])];
const status = document.querySelector("[data-search-status]");
let at = -1;

function choose(next) {
  const all = options();
  at = all.length ? (next + all.length + 1) % (all.length + 1) : -1;
  // One place past the last is the text itself.
  if (at === all.length) at = -1;
  all.forEach((option, place) => option.setAttribute("aria-selected", String(place === at)));
  if (at < 0) box.removeAttribute("aria-activedescendant");
  else {
    box.setAttribute("aria-activedescendant", all[at].id);
    all[at].scrollIntoView({ block: "nearest" });
  }
}

function close() {
  if (panel()) panel().hidden = true;
  at = -1;
  box.setAttribute("aria-expanded", "false");
  box.removeAttribute("aria-activedescendant");
}

function open() {
  const shown = panel();
  const fits = shown && shown.dataset.for.trim() === box.value.trim() && shown.dataset.for.trim();
  if (!fits || !shown.childElementCount || document.activeElement !== box) {
    close();
    return false;
  }
  shown.hidden = false;
  choose(-1);
  box.setAttribute("aria-expanded", String(options().length > 0));
  if (status) status.textContent = shown.dataset.status;
  return true;
}

// Nothing to choose from here: on to the list below, if there is one.
const toRows = () => document.dispatchEvent(new CustomEvent("portal:key", { detail: { name: "j" }, cancelable: true }));

const isOpen = () => panel() && !panel().hidden;

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "Escape" && isOpen()) close();
  else if (event.key === "ArrowDown" && isOpen()) choose(at + 1);
  else if (event.key === "ArrowUp" && isOpen()) choose(at < 0 ? options().length - 1 : at - 1);
  else if (event.key === "ArrowDown") open() || toRows();
  // Out of the box, so that single keys work; what was typed stays.
  else if (event.key === "Escape") box.blur();
  else if (event.key === "Enter" && isOpen() && at >= 0) window.location.assign(options()[at].dataset.href);
  else return;
  event.preventDefault();
}

if (box) {
  box.setAttribute("role", "combobox");
  box.setAttribute("aria-autocomplete", "list");
  box.setAttribute("aria-controls", "q-options");
  box.setAttribute("aria-expanded", "false");
  box.addEventListener("keydown", pressed);
  box.addEventListener("input", close);
  box.addEventListener("blur", close);
  box.form.addEventListener("submit", close);
  // Before the box would lose its focus.
  box.form.addEventListener("pointerdown", (event) => {
    if (event.target.closest("#q-panel")) event.preventDefault();
  });
  box.form.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) window.location.assign(option.dataset.href);
  });
  document.addEventListener("htmx:after:swap", open);
}
