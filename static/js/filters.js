// The filter of a list. On a phone it is a sheet: sending it, Escape or its button closes it and
// gives focus back. What is wrong in a field gets the focus. Going back shows the list before.

const form = () => document.getElementById("filters");
const sheet = () => form()?.querySelector("[data-filters]");
const isPhone = () => window.matchMedia("(max-width: 40rem)").matches;

function close(to) {
  const opened = sheet();
  if (!opened?.open) return;
  opened.open = false;
  (to ?? opened.querySelector("summary")).focus();
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-close-filters]")) close();
});

document.addEventListener("submit", (event) => {
  if (event.target !== form() || !isPhone()) return;
  close();
});

document.addEventListener("keydown", (event) => {
  // A menu within closes first, by the same key.
  if (event.key !== "Escape" || event.defaultPrevented) return;
  if (!isPhone() || !event.target.closest?.("#filters")) return;
  close();
});

document.addEventListener("htmx:after:swap", () => {
  const wrong = form()?.querySelector("[aria-invalid=true]");
  if (wrong && !form().contains(document.activeElement)) wrong.focus();
});

// What the first page was, so that going back to it fetches it like any other.
if (!window.history.state) window.history.replaceState({ htmx: true }, "");
