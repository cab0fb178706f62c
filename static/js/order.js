// An open order asks now and then whether there is news, while somebody looks at it. The answer
// is a line of its own: what is being read is never replaced under the reader's eyes.

const EVERY = 30_000;
const TIRED = 30 * 60_000;
let last = Date.now();

for (const sign of ["pointerdown", "keydown", "scroll"]) {
  window.addEventListener(sign, () => { last = Date.now(); }, { passive: true });
}

function ask() {
  if (document.hidden || !navigator.onLine || Date.now() - last > TIRED) return;
  document.getElementById("freshness")?.dispatchEvent(new CustomEvent("freshen"));
}

window.setInterval(ask, EVERY);
document.addEventListener("visibilitychange", () => { if (!document.hidden) { last = Date.now(); ask(); } });

// After another part of the order was put in place, one goes on from the link that was chosen;
// who chose it by its key begins at the part's heading.
let chosen = "";
let isByKey = false;
let hasKey = false;
// What the key presses is pressed before it lets go.
document.addEventListener("portal:key", () => {
  hasKey = true;
  queueMicrotask(() => { hasKey = false; });
});
document.addEventListener("click", (event) => {
  chosen = event.target.closest("#order-part nav a, [data-part]")?.getAttribute("href") ?? "";
  isByKey = hasKey;
});
document.addEventListener("htmx:after:swap", () => {
  const links = [...document.querySelectorAll("#order-part nav a")];
  const same = chosen && links.find((link) => link.getAttribute("href") === chosen);
  chosen = "";
  const heading = same && isByKey && document.querySelector("#order-part h2[tabindex]");
  if (heading) heading.focus();
  else if (same) same.focus({ preventScroll: true });
});
