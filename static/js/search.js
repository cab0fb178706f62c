// The search box: "/" goes to it, and while typing nothing is asked before three characters.

const box = document.querySelector("[data-search]");

function typing(element) {
  return element.matches("input, textarea, select, [contenteditable]");
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!box || typing(event.target)) return;
  event.preventDefault();
  box.focus();
  box.select();
});

// On a phone focus would raise the keyboard over the list.
if (box?.dataset.search === "focus" && window.matchMedia("(hover: hover) and (min-width: 48rem)").matches) {
  if (!window.location.hash) box.focus({ preventScroll: true });
}

document.addEventListener("htmx:config:request", (event) => {
  const source = event.detail.ctx?.sourceElement;
  if (!source || source !== box) return;
  const length = box.value.trim().length;
  if (length > 0 && length < 3) event.preventDefault();
});
