// The key for reading out opens the text and copies it: one key while the customer waits.

const panel = document.querySelector("[data-readout]");

document.addEventListener("portal:key", (event) => {
  if (event.detail.name !== "v" || !panel) return;
  event.preventDefault();
  panel.open = true;
  panel.querySelector("[data-copy]").click();
});
