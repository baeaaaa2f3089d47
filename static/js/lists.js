// Lists: the order of columns in their dialog. Comes only where a page has need of it.
(function () {
  "use strict";
  const crm = window.crm;

  // --- Columns: by the mouse, or by the buttons beside each -------------------------------------------------------
  crm.part("[data-sort-list]", (list) => {
    crm.load(crm.assets.sortable).then(() => {
      window.Sortable.create(list, { draggable: "[data-sort-item]", handle: ".column-grip", animation: 120 });
    }).catch(() => {});
    list.addEventListener("click", (event) => {
      const button = event.target.closest("button[name=up], button[name=down]");
      if (!button) return;
      event.preventDefault();
      const line = button.closest("[data-sort-item]");
      const other = button.name === "up" ? line.previousElementSibling : line.nextElementSibling;
      if (!other?.matches("[data-sort-item]")) return;
      if (button.name === "up") other.before(line);
      else other.after(line);
      button.focus();
    });
  });
})();
