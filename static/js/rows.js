// Rows gone through by keys: the focus itself moves, so that a screen reader says the row.

let last = null;

const shown = (element) => element.getClientRects().length > 0;
const rows = () => {
  const named = [...document.querySelectorAll("main [data-row]")];
  return (named.length ? named : [...document.querySelectorAll("main table.rows > tbody > tr")]).filter(shown);
};
const linkOf = (row) => row.querySelector("a[href]");
const boxOf = (row) => row.querySelector("[data-select]") ?? row.querySelector("input[type=checkbox]");

function go(all, current, step) {
  const next = Math.min(Math.max(current + step, 0), all.length - 1);
  const row = all[next];
  const link = linkOf(row);
  if (!link) return false;
  link.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
  return true;
}

function select(row, isOn) {
  const box = row && boxOf(row);
  if (!box || box.disabled) return false;
  if (box.checked !== isOn) box.click();
  return true;
}

function range(all, current) {
  const from = last && all.includes(last) ? all.indexOf(last) : current;
  const [first, end] = from < current ? [from, current] : [current, from];
  return all.slice(first, end + 1).map((row) => select(row, true)).some(Boolean);
}

function act(name) {
  const all = rows();
  const current = all.findIndex((row) => row.contains(document.activeElement));
  if (!all.length) return false;
  if (name === "j") return go(all, current, 1);
  if (name === "k") return current >= 0 && go(all, current, -1);
  if (current < 0) return false;
  const row = all[current];
  const acting = row.querySelector('[data-key="a"]');
  if (name === "a") acting?.click();
  if (name === "a") return Boolean(acting);
  if (name === "o" && linkOf(row)) {
    linkOf(row).click();
    return true;
  }
  if (name === "X") return range(all, current);
  if (name !== "x" || !boxOf(row)) return false;
  last = row;
  return select(row, !boxOf(row).checked);
}

document.addEventListener("portal:key", (event) => {
  if (["j", "k", "o", "x", "X", "a"].includes(event.detail.name) && act(event.detail.name)) event.preventDefault();
});
