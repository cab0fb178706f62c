// The search box: focus on a desktop, Ctrl+Enter lists, and nothing is asked for before three
// characters. What comes while typing is shown by suggest.js.

const box = document.querySelector("[data-search]");
const SHORTEST = 3;

// On a phone focus would raise the keyboard over the list.
if (box?.dataset.search === "focus" && window.matchMedia("(hover: hover) and (min-width: 48rem)").matches) {
  if (!window.location.hash) box.focus({ preventScroll: true });
}

function listAll(form) {
  let all = form.querySelector("[name=listar]");
  if (!all) {
    all = document.createElement("input");
    Object.assign(all, { type: "hidden", name: "listar", value: "1" });
    form.append(all);
  }
  form.requestSubmit();
}

// The key that leads to the box is pressed by whom it has brought there, too.
box?.addEventListener("keydown", (event) => {
  if (event.key === "/" && !box.value) event.preventDefault();
});

box?.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  listAll(box.form);
});

// Another kind of number: what is typed is searched anew. "Any" is not worth a word in the address.
const only = document.querySelector("[data-only-in]");
if (only) {
  const named = () => { only.name = only.value ? "em" : ""; };
  only.addEventListener("change", () => {
    named();
    if (box.value.trim()) box.form.requestSubmit();
  });
  window.addEventListener("pageshow", named);
  named();
}

// How many were found is read out once the page stands: what is there from the start never is.
const announced = document.querySelector("#announce");
const found = document.querySelector("#results caption");
if (announced && found && box?.value) {
  window.addEventListener("load", () => setTimeout(() => { announced.textContent = found.textContent.trim(); }, 500));
}

document.addEventListener("htmx:config:request", (event) => {
  const source = event.detail.ctx?.sourceElement;
  if (!source || source !== box) return;
  const length = box.value.trim().length;
  // Nothing at all brings the whole list back, where there is one.
  const isList = box.hasAttribute("hx-replace-url");
  if (length < SHORTEST && !(isList && length === 0)) event.preventDefault();
});
