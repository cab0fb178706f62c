// On a phone the pages beside one scroll sideways: this brings the current one into view.

for (const link of document.querySelectorAll("nav [aria-current]")) {
  const row = link.parentElement;
  const past = link.offsetLeft + link.offsetWidth - row.offsetLeft - row.clientWidth;
  if (past > 0 && row.scrollWidth > row.clientWidth) row.scrollLeft = past + link.offsetWidth / 4;
}
