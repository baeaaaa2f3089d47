// Shortcuts and the palette. They go by e.code, the place of the key, so they work in the Russian layout too.
(function () {
  "use strict";
  const crm = window.crm;
  const palette = document.getElementById("palette");
  const help = document.getElementById("keys-help");
  if (!palette) return;

  // --- Palette ----------------------------------------------------------------------------------------------------
  const input = palette.querySelector("input");
  const results = document.getElementById("palette-results");
  let asked = null;
  let timer = null;
  let cameFrom = null;

  const options = () => [...results.querySelectorAll("[role=option]")];
  const chosen = () => options().find((option) => option.getAttribute("aria-selected") === "true");

  function choose(option) {
    for (const other of options()) other.setAttribute("aria-selected", String(other === option));
    if (!option) return input.removeAttribute("aria-activedescendant");
    input.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  }

  async function ask() {
    asked?.abort();
    asked = new AbortController();
    const url = new URL(palette.dataset.searchUrl, location.href);
    url.searchParams.set("q", input.value.trim());
    try {
      const answer = await crm.fetch(url, { headers: { "HX-Request": "true", "X-Palette": "1" }, signal: asked.signal });
      if (!answer.ok) return crm.failed(answer.status, answer.headers.get("X-Request-ID"));
      results.innerHTML = await answer.text();
      options().forEach((option, index) => { option.id = `palette-option-${index}`; });
      choose(options()[0]);
    } catch (error) {
      if (error.name !== "AbortError") crm.failed(error.status ?? 0);
    }
  }

  function openPalette() {
    if (palette.open) return;
    if (document.querySelector("dialog[open]")) return;
    cameFrom = document.activeElement;
    palette.showModal();
    input.select();
    ask();
  }

  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, 120); });
  palette.addEventListener("close", () => { clearTimeout(timer); asked?.abort(); cameFrom?.focus?.(); crm.raiseToasts(); });
  palette.addEventListener("click", (event) => { if (event.target === palette) palette.close(); });
  palette.addEventListener("keydown", (event) => {
    const list = options();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && list.length) {
      event.preventDefault();
      choose(list[(list.indexOf(chosen()) + step + list.length) % list.length]);
    }
    if (event.key === "Escape") {
      // A search box would only empty itself at the first press.
      event.preventDefault();
      palette.close();
    }
    if (event.key === "Enter" && chosen()) {
      event.preventDefault();
      if (event.ctrlKey || event.metaKey) window.open(chosen().href, "_blank");
      else chosen().click();
    }
  });
  results.addEventListener("click", (event) => {
    if (event.target.closest("[role=option]") && !event.ctrlKey && !event.metaKey) palette.close();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-palette-open]") && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      openPalette();
    }
    if (event.target.closest("[data-keys-help]")) showHelp();
  });

  // --- Shortcuts --------------------------------------------------------------------------------------------------
  const PLACES = { KeyL: "/leads/", KeyD: "/deals/", KeyO: "/objects/", KeyC: "/contacts/" };
  let goUntil = 0;

  const isOff = () => localStorage.getItem("crm-keys") === "off";
  // A box in a window just closed keeps the focus until the browser draws again; nobody is typing there any more.
  const typing = (target) => target.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]")
    && !target.closest("dialog:not([open])");

  function showHelp() {
    const menu = document.querySelector(".menu-pop:popover-open");
    menu?.hidePopover();
    help.querySelector("[data-keys-toggle]").checked = !isOff();
    if (!help.open) help.showModal();
  }
  help.addEventListener("change", (event) => {
    if (event.target.matches("[data-keys-toggle]")) localStorage.setItem("crm-keys", event.target.checked ? "on" : "off");
  });

  function go(code) {
    const link = document.querySelector(`a[data-go="${code}"]`)
      || (PLACES[code] && document.querySelector(`.menu-link[href^="${PLACES[code]}"]`));
    if (link) location.assign(link.href);
    return Boolean(link);
  }

  // From task to task: Enter on its circle does it, and the next step is asked for in its place.
  function nextTask() {
    const checks = [...document.querySelectorAll("main button.task-check:not(:disabled)")];
    checks[(checks.indexOf(document.activeElement) + 1) % checks.length]?.focus();
  }

  function single(event) {
    // On a board M belongs to the card that has the focus (board.js).
    const open = { KeyM: () => document.querySelector("[data-move-dialog]")?.click(), KeyC: () => document.querySelector(".topbar-create")?.click(), KeyR: () => document.querySelector("[data-copies-open]")?.click(), KeyT: nextTask, KeyJ: () => document.querySelector("[data-record-next]")?.click(), KeyK: () => document.querySelector("[data-record-prev]")?.click() };
    if (event.code === "Slash" || event.key === "/" || event.key === "?") {
      return event.key === "?" || (event.code === "Slash" && event.shiftKey) ? showHelp : openPalette;
    }
    if (event.code === "KeyG") return () => { goUntil = Date.now() + 1200; };
    return event.shiftKey ? null : open[event.code];
  }

  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.defaultPrevented) return;
    if (event.code === "KeyK" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
      event.preventDefault();
      return openPalette();
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isOff() || typing(event.target)) return;
    if (document.querySelector("dialog[open], .menu-pop:popover-open")) return;
    if (Date.now() < goUntil) {
      goUntil = 0;
      if (go(event.code)) event.preventDefault();
      return;
    }
    const action = single(event);
    if (!action) return;
    event.preventDefault();
    action();
  });
})();
