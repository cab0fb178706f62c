// The time left of acting for a company: counted down, asked about near the end, and over at
// the end. The server decides; another tab of the same company may have prolonged it.

const SOON = 5 * 60;
const bar = document.querySelector("[data-acting]");
const ask = bar?.querySelector("[data-go-on]");
let until = 0;
let isEnding = false;

const left = () => Math.max(0, Math.ceil((until - Date.now()) / 1000));

function begin(seconds) {
  until = Date.now() + seconds * 1000;
  if (seconds > SOON) ask.hidden = true;
  show();
}

function show() {
  const minutes = Math.ceil(left() / 60);
  const words = minutes === 1 ? bar.dataset.leftOne : bar.dataset.leftMany;
  bar.querySelector("[data-left]").textContent = words.replace("{n}", minutes);
}

async function look() {
  show();
  if (left() > SOON || isEnding) return;
  let seconds = left();
  try {
    const answer = await fetch(bar.dataset.time, { credentials: "same-origin", redirect: "manual" });
    seconds = answer.ok ? (await answer.json()).seconds : 0;
  } catch {
    // Without a connection our own count stands.
  }
  begin(seconds);
  if (seconds <= 0) end();
  else if (seconds <= SOON) offer();
}

function offer() {
  if (!ask.hidden) return;
  ask.hidden = false;
  // Put in now, so that it is announced.
  const words = ask.querySelector("template");
  if (words) ask.replaceChildren(...ask.querySelectorAll("input"), words.content.cloneNode(true));
}

function end() {
  isEnding = true;
  for (const part of document.querySelectorAll("main, header.masthead")) part.replaceChildren();
  document.title = "";
  window.location.replace(bar.dataset.ended);
}

if (bar) {
  begin(Number(bar.dataset.seconds));
  window.setInterval(look, 10_000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
  window.addEventListener("pageshow", (event) => { if (event.persisted) window.location.reload(); });
  ask.addEventListener("submit", async (event) => {
    event.preventDefault();
    const answer = await fetch(ask.action, {
      method: "POST", body: new FormData(ask), headers: { "HX-Request": "true" },
      credentials: "same-origin", redirect: "manual",
    });
    if (answer.status !== 204) { ask.submit(); return; }
    ask.hidden = true;
    until = Date.now() + 60_000 * 60;
    const time = await fetch(bar.dataset.time, { credentials: "same-origin" });
    begin((await time.json()).seconds);
  });
}
