// "v" opens the text to be read out and copies it: one key while the customer waits.

const panel = document.querySelector("[data-readout]");

function typing(element) {
  return element.matches("input, textarea, select, [contenteditable]");
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "v" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!panel || typing(event.target)) return;
  event.preventDefault();
  panel.open = true;
  panel.querySelector("[data-copy]").click();
});
