// Copy buttons: shown only where scripts run, announced in the page's live region.

document.documentElement.classList.add("js");
const toast = document.querySelector("[data-toast]");

function say(words) {
  if (!toast) return;
  toast.textContent = words;
  window.clearTimeout(say.timer);
  say.timer = window.setTimeout(() => { toast.textContent = ""; }, 2500);
}

async function put(text) {
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await put(button.dataset.copy);
  button.classList.add("done");
  window.setTimeout(() => button.classList.remove("done"), 2500);
  say(button.dataset.copied);
  button.focus();
});
