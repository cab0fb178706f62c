// One company at a time: when the person goes on as another company in another tab, this
// tab takes what it shows off the screen until they say as whom to go on here.

const KEY = "company";
const guard = document.querySelector("[data-company-guard]");

function elsewhere() {
  try {
    return JSON.parse(window.localStorage.getItem(KEY) ?? "null");
  } catch {
    return null;
  }
}

function check() {
  const other = elsewhere();
  if (!other || other.id === guard.dataset.company || document.body.dataset.switched) return;
  document.body.dataset.switched = "";
  const notice = guard.content.cloneNode(true);
  notice.querySelector("[data-other]").textContent = other.name;
  document.title = other.name;
  for (const part of document.querySelectorAll("header.masthead")) part.remove();
  document.querySelector("main").replaceChildren(notice);
  document.querySelector("main h1").focus();
}

if (guard) {
  const mine = { id: guard.dataset.company, name: guard.dataset.name };
  window.localStorage.setItem(KEY, JSON.stringify(mine));
  window.addEventListener("storage", (event) => { if (event.key === KEY) check(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) check(); });
  window.addEventListener("pageshow", (event) => { if (event.persisted) check(); });
}
