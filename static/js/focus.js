// After a swap that replaces what a person waits for, focus goes to its heading, and so it does
// on a new page; an address that names an invoice brings the focus there.

function reach(element) {
  if (!element.hasAttribute("tabindex")) element.setAttribute("tabindex", "-1");
  element.focus({ preventScroll: true });
}

document.addEventListener("htmx:after:swap", () => {
  const target = document.querySelector("[data-focus]");
  if (!target) return;
  target.removeAttribute("data-focus");
  reach(target);
});

const named = window.location.hash && document.getElementById(decodeURIComponent(window.location.hash.slice(1)));
if (named) reach(named.matches("h1, h2, h3") ? named : named.closest(".invoice, .title-line, section") ?? named);

// Whoever comes from another of our pages begins at the heading of this one, unless something on
// it has the focus already.
const came = document.referrer.startsWith(`${window.location.origin}/`);
const heading = document.querySelector("main h1");
if (came && heading && !named && document.activeElement === document.body && !document.querySelector("[autofocus]")) reach(heading);

// The print link opens the order with all its items; here it also opens the dialogue.
if (document.querySelector("[data-print-now]")) window.addEventListener("load", () => window.print());
