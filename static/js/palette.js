// The command palette inside its dialog: filters what there is, adds what the page can do, and
// looks numbers up as the search box does. Loaded when it is first opened.

const PAUSE = 300;
const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
const shown = (element) => element.getClientRects().length > 0;

function actions(template) {
  const seen = new Set();
  const found = [];
  for (const element of document.querySelectorAll("[data-key], [data-command]")) {
    const text = element.dataset.command ?? (element.getAttribute("aria-label") || element.textContent).trim().replace(/\s+/g, " ");
    if (!text || seen.has(text) || element.closest("[data-sheet]") || !shown(element)) continue;
    seen.add(text);
    const option = template.content.firstElementChild.cloneNode(true);
    option.id = `palette-action-${found.length}`;
    option.querySelector(".text").textContent = text.slice(0, 80);
    const keys = element.getAttribute("aria-keyshortcuts");
    if (keys) option.querySelector("kbd").textContent = keys;
    else option.querySelector("kbd").remove();
    option.run = () => { element.focus({ preventScroll: true }); element.click(); };
    found.push(option);
  }
  return found;
}

export function start(sheet) {
  const form = sheet.querySelector("[data-palette-form]");
  const input = form.elements.q;
  const list = form.querySelector("[role=listbox]");
  const find = list.querySelector("[data-find]");
  const status = form.querySelector("[data-palette-status]");
  let [at, asking, timer] = [-1, null, 0];

  const visible = () => [...list.querySelectorAll("[role=option]:not([hidden])")];

  function choose(next) {
    const all = visible();
    at = all.length ? (next + all.length) % all.length : -1;
    for (const option of list.children) option.setAttribute("aria-selected", String(option === all[at]));
    input.setAttribute("aria-activedescendant", all[at]?.id ?? "");
    all[at]?.scrollIntoView({ block: "nearest" });
  }

  function narrow() {
    const words = plain(input.value).split(/\s+/).filter(Boolean);
    for (const option of list.querySelectorAll("[data-found]")) option.remove();
    for (const option of list.children) option.hidden = !words.every((word) => plain(option.textContent).includes(word));
    if (find) {
      find.hidden = !input.value.trim();
      find.querySelector(".text").textContent = find.dataset.find.replace("#", () => input.value.trim());
    }
    const count = visible().length;
    status.textContent = count === 1 ? status.dataset.one : status.dataset.many.replace("#", String(count));
    choose(0);
  }

  async function look() {
    asking?.abort();
    const typed = input.value.trim();
    if (!sheet.dataset.suggest || typed.length < 3) return;
    asking = new AbortController();
    const answer = await fetch(`${sheet.dataset.suggest}?${new URLSearchParams({ q: typed })}`, { headers: { "HX-Request": "true" }, signal: asking.signal }).catch(() => null);
    if (!answer?.ok || typed !== input.value.trim()) return;
    const found = new DOMParser().parseFromString(await answer.text(), "text/html").querySelectorAll("[role=option]:not(.all)");
    found.forEach((option, place) => { option.id = `palette-found-${place}`; option.dataset.found = ""; });
    list.prepend(...found);
    choose(0);
  }

  function run(option) {
    if (!option) return;
    const other = sheet.querySelector("[data-switch]");
    if (option === find) form.submit();
    else if (option.dataset.href) window.location.assign(option.dataset.href);
    else if (option.dataset.company) {
      other.elements.company.value = option.dataset.company;
      other.requestSubmit();
    } else {
      sheet.addEventListener("close", () => option.run(), { once: true });
      sheet.close();
    }
  }

  list.append(...actions(sheet.querySelector("[data-action]")));
  input.addEventListener("input", () => { narrow(); window.clearTimeout(timer); timer = window.setTimeout(look, PAUSE); });
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    choose(at + step);
    event.preventDefault();
  });
  form.addEventListener("submit", (event) => { event.preventDefault(); run(visible()[at]); });
  list.addEventListener("click", (event) => run(event.target.closest("[role=option]")));
  narrow();
  input.focus();
}
