// Orders that are picked of a list: how many, all of the page, a range by Shift.
// Without scripts the buttons below the table do the same.

let last = null;

const boxes = () => [...document.querySelectorAll('input[type="checkbox"][form="picked"]')];

function tell() {
  const form = document.getElementById("picked");
  if (!form) return;
  const picked = boxes().filter((box) => box.checked).length;
  form.classList.toggle("is-empty", picked === 0);
  const words = form.querySelector("[data-picked-words]");
  const text = picked === 1 ? words.dataset.one : words.dataset.many.replace("#", picked);
  if (picked && words.textContent !== text) words.textContent = text;
  const all = form.querySelector("[data-picked-all]");
  all.hidden = picked === boxes().length;
}

document.addEventListener("click", (event) => {
  const box = event.target.closest?.('input[type="checkbox"][form="picked"]');
  if (box) {
    const every = boxes();
    if (event.shiftKey && every.includes(last)) {
      const [from, to] = [every.indexOf(last), every.indexOf(box)].sort((a, b) => a - b);
      for (const each of every.slice(from, to + 1)) each.checked = box.checked;
    }
    last = box;
    tell();
    return;
  }
  if (event.target.closest?.("[data-picked-all]")) {
    event.preventDefault();
    for (const each of boxes()) each.checked = true;
    tell();
  }
});
// A page that comes back from history keeps its ticks; a list that is replaced has none.
addEventListener("pageshow", tell);
document.addEventListener("htmx:after:swap", tell);
tell();
