// Registers the service worker where a browser allows one, and tells the page that it shows
// without a connection which language to speak.

try {
  window.localStorage.setItem("language", document.documentElement.lang);
} catch {
  // Storage is closed: that page shows every language.
}
if (window.isSecureContext && "serviceWorker" in navigator) {
  window.addEventListener("load", () => { navigator.serviceWorker.register("/sw.js").catch(() => {}); });
}
