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

// After another part of the order was put in place, its heading is where one goes on.
document.addEventListener("htmx:after:swap", (event) => {
  const source = event.detail?.ctx?.sourceElement ?? event.target;
  if (!(source instanceof Element) || !source.closest("#order-part nav, .jump, .kinds")) return;
  document.querySelector('#order-part [aria-current]')?.focus({ preventScroll: true });
});
