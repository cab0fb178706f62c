// What is selected is added up as it is ticked; without scripts a button has it added up.

const form = document.querySelector("[data-selection]");

function written(cents, like) {
  // As the amounts in the list: their signs for thousands and decimals.
  const digits = String(cents < 0n ? -cents : cents).padStart(3, "0");
  const whole = digits.slice(0, -2).replace(/\B(?=(\d{3})+$)/g, like.group);
  return `${cents < 0n ? "\u2212" : ""}${like.currency}\u00a0${whole}${like.decimal}${digits.slice(-2)}`;
}

function signs() {
  return document.documentElement.lang === "en" ? { group: ",", decimal: "." } : { group: ".", decimal: "," };
}

function addUp(boxes) {
  const sums = new Map();
  let without = 0;
  for (const box of boxes) {
    if (!box.dataset.cents) { without += 1; continue; }
    const { currency, cents } = box.dataset;
    sums.set(currency, (sums.get(currency) ?? 0n) + BigInt(cents));
  }
  return { sums, without };
}

function show() {
  const boxes = [...form.querySelectorAll("[name=sel]:checked")];
  const { sums, without } = addUp(boxes);
  form.querySelector("[data-count]").textContent = String(boxes.length);
  form.querySelector("[data-amounts]").textContent = [...sums]
    .map(([currency, cents]) => ` · ${written(cents, { currency, ...signs() })}`)
    .join("");
  form.querySelector("[data-without]").textContent = without ? ` · ${form.dataset.without.replace("#", String(without))}` : "";
  const all = form.querySelector("[data-all]");
  const every = form.querySelectorAll("[name=sel]").length;
  all.checked = boxes.length === every;
  all.indeterminate = boxes.length > 0 && boxes.length < every;
}

if (form) {
  const all = form.querySelector("[data-all]");
  all.addEventListener("change", () => {
    for (const box of form.querySelectorAll("[name=sel]")) box.checked = all.checked;
    show();
  });
  form.addEventListener("change", (event) => { if (event.target.name === "sel") show(); });
  // A browser that comes back has kept the ticks.
  window.addEventListener("pageshow", show);
  show();
}
