// A list whose rows are put in order: by dragging, or by the arrow keys on the handle. The up and down buttons are plain forms.
// Of a `data-order` each new order is sent at once; the rows of a form (`data-order-rows`) are numbered anew and wait for it.
(function () {
  "use strict";
  const crm = window.crm;

  const idsOf = (list) => [...list.querySelectorAll("[data-order-id]")].map((row) => row.dataset.orderId);

  async function save(list, before) {
    const ids = idsOf(list);
    if (ids.join() === before.join()) return;
    const answer = await crm.post(list.dataset.order, { ids: ids.join(",") }).catch(() => null);
    if (answer?.ok) return;
    // Back to what the server has: the rows as they stood before.
    for (const id of before) list.append(list.querySelector(`[data-order-id="${id}"]`));
    if (answer?.status === 422) crm.showDialog(await answer.text());
    else crm.failed(answer?.status ?? 0);
  }

  // The fields of a row bear its number: "lines-2-price" becomes "lines-0-price" in the first row.
  function number(list) {
    const prefix = list.dataset.orderRows;
    const inName = new RegExp(`^((?:id_)?${prefix}-)\\d+(?=-)`);
    [...list.querySelectorAll("[data-order-id]")].forEach((row, place) => {
      for (const one of row.querySelectorAll("[name], [id], [for]")) {
        for (const key of ["name", "id", "for"]) {
          const value = one.getAttribute(key);
          if (value && inName.test(value)) one.setAttribute(key, value.replace(inName, `$1${place}`));
        }
      }
      for (const button of row.querySelectorAll("button[name=up], button[name=down], button[name=remove]")) button.value = place;
    });
  }

  crm.part("[data-order], [data-order-rows]", async (list) => {
    const keep = list.dataset.orderRows ? number : save;
    let before = idsOf(list);
    list.addEventListener("keydown", (event) => {
      const handle = event.target.closest("[data-order-handle]");
      const row = handle?.closest("[data-order-id]");
      const next = { ArrowUp: row?.previousElementSibling, ArrowDown: row?.nextElementSibling }[event.key];
      if (!handle || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
      event.preventDefault();
      if (!next) return;
      before = idsOf(list);
      if (event.key === "ArrowUp") next.before(row);
      else next.after(row);
      handle.focus();
      keep(list, before);
    });
    await crm.load(crm.assets.sortable).catch(() => {});
    if (!window.Sortable) return;
    window.Sortable.create(list, {
      handle: "[data-order-handle]",
      draggable: "[data-order-id]",
      animation: 120,
      onStart: () => { before = idsOf(list); },
      onEnd: () => keep(list, before),
    });
  });
})();
