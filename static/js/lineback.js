// The page without a connection: one language, what was typed, and another try once the line
// is back. Its address is that of the page which did not come.

const languages = [...document.querySelectorAll("section[lang]")];
let language = navigator.language.toLowerCase();
try {
  language = window.localStorage.getItem("language") ?? language;
} catch {
  // Nothing may be kept here: the browser's own language it is.
}
const shown = languages.find((each) => each.lang === language)
  ?? languages.find((each) => each.lang.slice(0, 2) === language.slice(0, 2));
if (shown) {
  for (const each of languages) each.hidden = each !== shown;
  document.documentElement.lang = shown.lang;
  const [, ...whose] = document.title.split(" · ");
  document.title = [shown.querySelector("h1").textContent, ...whose].join(" · ");
}

let kept = null;
try {
  kept = JSON.parse(window.sessionStorage.getItem("kept") ?? "null");
  if (kept) window.sessionStorage.setItem("kept", JSON.stringify({ ...kept, failed: true }));
} catch {
  kept = null;
}
const typed = [new URLSearchParams(window.location.search).get("q"), ...Object.values(kept?.texts ?? {})]
  .filter(Boolean).join("\n");
for (const each of languages) {
  if (typed) {
    each.querySelector("[data-typed]").hidden = false;
    each.querySelector("[data-text]").textContent = typed;
  }
  const back = each.querySelector("[data-back]");
  // A form that did not arrive is sent again by whoever wrote it, from where it was written.
  if (kept) {
    back.hidden = false;
    back.href = kept.page;
  }
  each.querySelector("[data-again]").addEventListener("click", again);
}

function again() {
  if (kept) window.location.assign(kept.page);
  else window.location.reload();
}

// "online" says that there is a network, not that we are reached over it.
async function look() {
  try {
    const answer = await fetch("/healthz", { cache: "no-store" });
    if (answer.ok) again();
  } catch {
    // Still none.
  }
}

window.addEventListener("online", look);
window.setInterval(() => { if (navigator.onLine && !document.hidden) look(); }, 4000);
(shown ?? languages[0]).querySelector("h1").focus();
