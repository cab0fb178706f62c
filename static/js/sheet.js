// What opens over a page: the list of keys, and the command palette (Ctrl+K, Cmd+K). Both are
// fetched when they are first opened; the browser keeps the focus inside and gives it back.

const sheet = document.querySelector("[data-sheet]");

async function open(link) {
  if (!sheet || sheet.open) return;
  let answer;
  try {
    answer = await fetch(link.href, { headers: { "HX-Request": "true" }, credentials: "same-origin" });
  } catch {
    return;
  }
  // Who must log in again is led there by the page itself.
  if (!answer.ok || answer.headers.has("HX-Redirect")) {
    window.location.assign(answer.headers.get("HX-Redirect") ?? link.href);
    return;
  }
  sheet.innerHTML = await answer.text();
  sheet.dataset.suggest = link.dataset.suggest ?? "";
  sheet.showModal();
  if (link.dataset.script) (await import(link.dataset.script)).start(sheet);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-dialog]");
  if (link) {
    event.preventDefault();
    open(link);
  }
  // Its own area is the backdrop: everything shown is in something inside.
  if (event.target === sheet || event.target.closest("[data-close-sheet]")) sheet.close();
});

document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
  const link = document.querySelector("[data-palette]");
  if (!link) return;
  event.preventDefault();
  open(link);
});
