// What is written into a form's large fields is kept in this tab while the form is on its way.
// When it does not arrive the page without a connection leads back here, and it is put in again.

const KEY = "kept";
const here = window.location.pathname + window.location.search;

function stored() {
  try {
    return JSON.parse(window.sessionStorage.getItem(KEY) ?? "null");
  } catch {
    return null;
  }
}

const kept = stored();
if (kept?.failed && kept.page === here) {
  for (const [name, text] of Object.entries(kept.texts)) {
    const field = [...document.querySelectorAll("form[method=post] textarea")].find((each) => each.name === name);
    if (!field || field.value) continue;
    field.value = text;
    for (let part = field.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
  }
}
// Whatever page this is: the form arrived, or its text is where it belongs.
if (kept) window.sessionStorage.removeItem(KEY);

document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.method !== "post") return;
  const fields = [...event.target.querySelectorAll("textarea[name]")].filter((field) => field.value.trim());
  if (!fields.length) return;
  const texts = Object.fromEntries(fields.map((field) => [field.name, field.value]));
  try {
    window.sessionStorage.setItem(KEY, JSON.stringify({ page: here, texts }));
  } catch {
    // Full or closed: nothing is lost that would not have been.
  }
});
