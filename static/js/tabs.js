// On a phone the pages beside one scroll sideways: this brings the current one into view, once
// for each that is put in place.

const seen = new WeakSet();

function show() {
  for (const link of document.querySelectorAll("nav [aria-current]")) {
    if (seen.has(link)) continue;
    seen.add(link);
    const row = link.parentElement;
    const past = link.offsetLeft + link.offsetWidth - row.offsetLeft - row.clientWidth;
    if (past > 0 && row.scrollWidth > row.clientWidth) row.scrollLeft = past + link.offsetWidth / 4;
  }
}

show();
document.addEventListener("htmx:after:swap", show);
