// A search while the line is down is not sent to be lost: what was typed stays, a notice says
// so, and it is sent once the line is back.

const notice = document.querySelector("[data-offline]");
let waiting = null;

function show() {
  if (notice) notice.hidden = navigator.onLine;
}

document.addEventListener("submit", (event) => {
  if (navigator.onLine || !event.target.matches("form[role=search]")) return;
  event.preventDefault();
  waiting = event.target;
  show();
}, true);

// A box that searches while one types.
document.addEventListener("input", (event) => {
  const form = event.target.closest("form[role=search]");
  if (form && !navigator.onLine) waiting = form;
  show();
}, true);

window.addEventListener("offline", show);
window.addEventListener("online", () => {
  show();
  const form = waiting;
  waiting = null;
  if (form && form.elements.q.value.trim()) form.requestSubmit();
});
show();
