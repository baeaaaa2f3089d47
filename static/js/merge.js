// The merge window: choosing the main record chooses its values, and empty ones are filled from the others.
(function () {
  "use strict";
  const crm = window.crm;
  const valueOf = (radio) => radio.closest("label").querySelector(".merge-value").textContent.trim();
  const isEmpty = (text) => text === "" || text === "–";

  crm.part("[data-merge]", (box) => {
    const differs = box.querySelector("[data-merge-differs]");
    const onlyDifferent = () => box.classList.toggle("only-different", Boolean(differs?.checked));
    for (const radio of box.querySelectorAll("td [type=radio]")) {
      radio.closest("td").classList.toggle("is-blank-value", isEmpty(valueOf(radio)));
    }
    differs?.addEventListener("change", onlyDifferent);
    onlyDifferent();

    box.addEventListener("change", (event) => {
      if (event.target.name !== "main") return;
      for (const line of box.querySelectorAll("tbody tr")) {
        const cells = [...line.querySelectorAll("[type=radio]")];
        const own = cells.find((cell) => cell.value === event.target.value);
        const best = own && !isEmpty(valueOf(own)) ? own : cells.find((cell) => !isEmpty(valueOf(cell))) || own;
        if (best) best.checked = true;
      }
    });
    box.addEventListener("click", (event) => {
      if (event.target.closest("label, a, input")) return;
      const radio = event.target.closest("td")?.querySelector("[type=radio]");
      if (radio) radio.click();
    });
  });
})();
