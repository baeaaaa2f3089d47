// Runs before the first paint: puts the chosen theme on <html>, so that nothing flashes.
(function () {
  "use strict";
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  function chosen() {
    const found = /(?:^|; )theme=(light|dark|system)/.exec(document.cookie);
    return found ? found[1] : "system";
  }

  function apply() {
    const choice = chosen();
    root.dataset.themeChoice = choice;
    root.dataset.bsTheme = choice === "system" ? (dark.matches ? "dark" : "light") : choice;
  }

  root.classList.add("js");
  apply();
  dark.addEventListener("change", apply);
  window.crmTheme = {
    set(choice) {
      document.cookie = `theme=${choice}; path=/; max-age=31536000; samesite=lax`;
      apply();
      document.dispatchEvent(new CustomEvent("crm:theme"));
    },
    chosen,
  };
})();
