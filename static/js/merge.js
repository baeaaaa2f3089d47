// The merge window: choosing the main record chooses its values, and empty ones are filled from the others.
(function () {
  "use strict";
  const crm = window.crm;
  const valueOf = (radio) => radio.closest("label").querySelector(".merge-value").textContent.trim();
  const isEmpty = (text) => text === "" || text === "–";
  const narrow = matchMedia("(max-width: 47.99rem)");
  const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

  crm.part("[data-merge]", (box) => {
    const form = box.closest("form");
    const differs = box.querySelector("[data-merge-differs]");
    const fill = box.querySelector("[data-merge-fill]");
    for (const radio of box.querySelectorAll("td [type=radio]")) {
      radio.closest("td").classList.toggle("is-blank-value", isEmpty(valueOf(radio)));
    }

    // --- Whose values -----------------------------------------------------------------------------------------------
    function choose(onlyEmpty) {
      const main = box.querySelector("[name=main]:checked")?.value;
      for (const line of box.querySelectorAll("tbody tr")) {
        const cells = [...line.querySelectorAll("[type=radio]")];
        const own = cells.find((cell) => cell.value === main);
        if (!own || (onlyEmpty && !isEmpty(valueOf(own)))) continue;
        const wanted = fill?.checked !== false && isEmpty(valueOf(own));
        ((wanted && cells.find((cell) => !isEmpty(valueOf(cell)))) || own).checked = true;
      }
    }
    box.addEventListener("change", (event) => {
      if (event.target.name === "main") choose(false);
      if (event.target === fill) choose(true);
    });
    box.addEventListener("click", (event) => {
      if (event.target.closest("label, a, input, button")) return;
      event.target.closest("td, thead th")?.querySelector("[type=radio]")?.click();
    });

    // --- From cell to cell by arrows; Space chooses, the last arrow down reaches the button -------------------------
    const lines = () => [...box.querySelectorAll("tr")]
      .map((line) => [...line.querySelectorAll("[type=radio]")].filter((radio) => radio.offsetParent !== null))
      .filter((radios) => radios.length);
    form?.addEventListener("keydown", (event) => {
      const move = MOVES[event.key];
      const submit = form.querySelector(".panel-foot .btn-primary");
      if (!move || !event.target.matches("[data-merge] [type=radio], .panel-foot .btn-primary")) return;
      event.preventDefault();
      const all = lines();
      if (event.target === submit) {
        if (event.key === "ArrowUp") all.at(-1)?.find((radio) => radio.checked)?.focus();
        return;
      }
      const row = all.findIndex((radios) => radios.includes(event.target));
      // On a phone the cells of a field stand one below the other.
      const [down, right] = narrow.matches ? [0, move[0] || move[1]] : move;
      const column = all[row].indexOf(event.target) + right;
      if (down > 0 && !all[row + 1]) submit?.focus();
      else if (narrow.matches && column >= all[row].length) (box.querySelector("[data-merge-step='1']:enabled") || submit)?.focus();
      else (all[row + down]?.[column] || event.target).focus();
    });

    // --- One field at a time on a phone -----------------------------------------------------------------------------
    const steps = box.querySelector("[data-merge-steps]");
    let at = 0;
    function show() {
      const shown = [box.querySelector("thead tr"), ...box.querySelectorAll("tbody tr")]
        .filter((line) => !line.matches(".only-different .is-same"));
      at = Math.max(0, Math.min(at, shown.length - 1));
      for (const line of box.querySelectorAll("tr")) line.classList.toggle("is-step", line === shown[at]);
      box.classList.toggle("is-stepped", narrow.matches);
      steps.hidden = !narrow.matches;
      steps.querySelector("[data-merge-at]").textContent = `${at + 1} / ${shown.length}`;
      steps.querySelector("[data-merge-step='-1']").disabled = at === 0;
      steps.querySelector("[data-merge-step='1']").disabled = at === shown.length - 1;
    }
    steps?.addEventListener("click", (event) => {
      const button = event.target.closest("[data-merge-step]");
      if (!button) return;
      at += Number(button.dataset.mergeStep);
      show();
      box.querySelector(".is-step [type=radio]:checked")?.focus();
    });
    function onlyDifferent() {
      box.classList.toggle("only-different", Boolean(differs?.checked));
      if (steps) show();
    }
    differs?.addEventListener("change", onlyDifferent);
    narrow.addEventListener("change", onlyDifferent);
    onlyDifferent();
  });
})();
