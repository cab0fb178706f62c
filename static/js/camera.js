// Reads a DANFE's or a boleto's bar code with the browser's own detector; without one the button
// stays away. Pictures are looked at here and go nowhere.

const FORMATS = ["code_128", "itf", "qr_code", "data_matrix"];
const PAUSE = 150;
const button = document.querySelector("[data-camera]");

async function usable() {
  if (!("BarcodeDetector" in window) || !navigator.mediaDevices?.getUserMedia) return [];
  const known = await window.BarcodeDetector.getSupportedFormats().catch(() => []);
  return FORMATS.filter((format) => known.includes(format));
}

function build() {
  const dialog = document.createElement("dialog");
  dialog.className = "sheet camera-sheet";
  const hint = Object.assign(document.createElement("p"), { textContent: button.dataset.hint, id: "camera-hint" });
  const video = Object.assign(document.createElement("video"), { muted: true, playsInline: true });
  const close = Object.assign(document.createElement("button"), { type: "button", className: "button", textContent: button.dataset.close });
  dialog.setAttribute("aria-labelledby", "camera-hint");
  close.addEventListener("click", () => dialog.close());
  dialog.append(hint, video, close);
  document.body.append(dialog);
  return { dialog, hint, video };
}

// A QR code holds an address with the access key in it.
const numberIn = (text) => text.match(/(?:^|[^0-9A-Z])([0-9]{6}[0-9A-Z]{12}[0-9]{26})(?:[^0-9A-Z]|$)/)?.[1] ?? text;

async function watch(view, formats) {
  const detector = new window.BarcodeDetector({ formats });
  while (view.dialog.open) {
    const [found] = await detector.detect(view.video).catch(() => []);
    if (found?.rawValue) return numberIn(found.rawValue);
    await new Promise((next) => { window.setTimeout(next, PAUSE); });
  }
  return "";
}

async function read(formats) {
  const view = build();
  let stream = null;
  view.dialog.addEventListener("close", () => {
    for (const track of stream?.getTracks() ?? []) track.stop();
    view.dialog.remove();
    button.focus();
  });
  view.dialog.showModal();
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    view.video.srcObject = stream;
    await view.video.play();
  } catch {
    view.hint.textContent = button.dataset.none;
    view.hint.setAttribute("role", "alert");
    return;
  }
  const number = await watch(view, formats);
  view.dialog.close();
  if (!number) return;
  const box = button.form.elements.q;
  box.value = number;
  button.form.requestSubmit();
}

if (button) {
  usable().then((formats) => {
    if (!formats.length) return;
    button.hidden = false;
    button.addEventListener("click", () => read(formats));
  });
}
