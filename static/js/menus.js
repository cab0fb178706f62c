// Menus are <details>: this closes them on Escape, on a click elsewhere, and when another opens.

const menus = () => document.querySelectorAll("details.menu[open]");

document.addEventListener("click", (event) => {
  for (const menu of menus()) if (!menu.contains(event.target)) menu.open = false;
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented) return;
  for (const menu of menus()) {
    // What lies around the menu stays open: one key, one thing.
    event.preventDefault();
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
