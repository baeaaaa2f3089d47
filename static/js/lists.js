// Lists: cells filled in where they stand, the order of columns in their dialog.
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

  // --- Cells ------------------------------------------------------------------------------------------------------
  // Enter or F2 opens the cell that has the focus, as does a double click or the pencil; Enter saves, Esc leaves it as
  // it was, Tab saves and goes on to the next cell of the row.
  crm.part("[data-cells]", (table) => {
    const [path, query] = table.dataset.cells.split("?");
    let open = null; // {cell, before, busy}
    const cellsOf = (row) => [...row.querySelectorAll("[data-cell]")];
    const address = (cell) => `${path.replace("/0/", `/${cell.closest("[data-row]").dataset.row}/`).replace("KEY", cell.dataset.cell)}?${query}`;
    const headers = () => ({ "HX-Request": "true", "HX-Target": "dialog-body", "X-CSRFToken": crm.csrf() });

    const first = table.querySelector("[data-cell]");
    if (first) first.tabIndex = 0;

    const pencil = crm.element("button", "btn-icon btn-icon-small cell-pencil");
    pencil.type = "button";
    pencil.tabIndex = -1;
    pencil.setAttribute("aria-label", crm.text.change);
    pencil.append(crm.icon("pencil", "icon-small"));
    table.addEventListener("pointerover", (event) => {
      const cell = event.pointerType === "mouse" && event.target.closest("[data-cell]");
      if (cell && cell !== open?.cell && pencil.parentElement !== cell) cell.append(pencil);
    });
    table.addEventListener("pointerleave", () => pencil.remove());

    function focusOn(cell) {
      for (const other of table.querySelectorAll("[data-cell][tabindex='0']")) other.tabIndex = -1;
      cell.tabIndex = 0;
      cell.focus();
    }

    const ask = (cell, options) => crm.fetch(address(cell), { ...options, headers: headers() });

    async function start(cell) {
      if (open && !(await save())) return;
      cell = cell.isConnected ? cell : table.querySelector(`#${cell.closest("[data-row]").id} [data-cell="${cell.dataset.cell}"]`);
      if (!cell) return;
      try {
        const answer = await ask(cell, {});
        if (!answer.ok) return crm.failed(answer.status, answer.headers.get("X-Request-ID"));
        const html = await answer.text();
        if (!html.includes("data-cell-form")) return crm.showDialog(html, cell);
        pencil.remove();
        open = { cell, before: [...cell.childNodes], busy: false };
        const { width, height } = cell.getBoundingClientRect();
        cell.style.setProperty("width", `${width}px`);
        cell.style.setProperty("height", `${height}px`);
        fill(cell, html);
      } catch (error) {
        crm.failed(error.status ?? 0);
      }
    }

    function fill(cell, html) {
      cell.innerHTML = html;
      cell.classList.add("is-edited");
      crm.enliven(cell);
      const field = cell.querySelector(".is-invalid") || cell.querySelector("input:not([type=hidden]), select, textarea");
      field?.focus();
      field?.select?.();
    }

    function close(focus = true) {
      if (!open) return;
      const { cell, before } = open;
      open = null;
      cell.classList.remove("is-edited");
      for (const size of ["width", "height"]) cell.style.removeProperty(size);
      cell.replaceChildren(...before);
      if (focus) focusOn(cell);
    }

    function values(cell) {
      const data = new URLSearchParams();
      for (const field of cell.querySelectorAll("input, select, textarea")) {
        if (!field.name || ((field.type === "checkbox" || field.type === "radio") && !field.checked)) continue;
        data.append(field.name, field.value);
      }
      return data;
    }

    /** Save what is open. Resolves to the cell in the new row, or to null when it stays open or is in conflict. */
    async function save() {
      if (!open || open.busy) return null;
      const { cell } = open;
      open.busy = true;
      cell.setAttribute("aria-busy", "true");
      try {
        const answer = await ask(cell, { method: "POST", body: values(cell) });
        const html = await answer.text();
        if (answer.status === 422) { open.busy = false; fill(cell, html); return null; }
        if (answer.status === 409) { close(); crm.showDialog(html, cell); return null; }
        if (!answer.ok) throw Object.assign(new Error("refused"), { status: answer.status });
        crm.announce(crm.say(crm.text.saved, { time: "" }).trim());
        return put(cell, answer.status === 204 ? "" : html);
      } catch (error) {
        if (open) open.busy = false;
        crm.failed(error.status ?? 0);
        return null;
      } finally {
        cell.removeAttribute("aria-busy");
      }
    }

    function put(cell, html) {
      const row = cell.closest("[data-row]");
      const checked = row.querySelector("[data-bulk-row]")?.checked;
      open = null;
      const holder = document.createElement("template");
      holder.innerHTML = html;
      const made = holder.content.firstElementChild;
      if (!made) { row.remove(); return null; }
      row.replaceWith(made);
      window.htmx.process(made);
      const box = made.querySelector("[data-bulk-row]");
      if (box && checked) box.checked = true;
      return made.querySelector(`[data-cell="${cell.dataset.cell}"]`) || made;
    }

    // A phone or an address calls or writes on one click and is filled in on two: the one waits for the other.
    let calling = null;
    const OUTSIDE = "a[href^='tel:'], a[href^='mailto:']";
    table.addEventListener("click", (event) => {
      const link = event.target.closest(OUTSIDE);
      if (!link || !link.closest("[data-cell]") || event.pointerType !== "mouse" || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      clearTimeout(calling);
      if (event.detail === 1) calling = setTimeout(() => location.assign(link.href), 300);
    });
    table.addEventListener("dblclick", (event) => {
      const cell = event.target.closest("[data-cell]");
      clearTimeout(calling);
      if (cell && cell !== open?.cell && (event.target.closest(OUTSIDE) || !event.target.closest("a, button, input"))) start(cell);
    });
    table.addEventListener("click", (event) => {
      const cell = event.target.closest(".cell-pencil")?.closest("[data-cell]");
      if (!cell) return;
      event.preventDefault();
      start(cell);
    });
    table.addEventListener("focusout", (event) => {
      const cell = open?.cell;
      if (!cell || open.busy || cell.contains(event.relatedTarget) || !cell.contains(event.target)) return;
      // Something else was clicked: what was typed is kept, as in a spreadsheet.
      setTimeout(() => {
        if (open?.cell === cell && !open.busy && !cell.contains(document.activeElement) && document.hasFocus()) save();
      }, 120);
    });

    table.addEventListener("keydown", async (event) => {
      const cell = event.target.closest("[data-cell]");
      if (!cell || event.isComposing) return;
      if (cell === open?.cell) return inside(event, cell);
      if (event.target !== cell) return;
      if (event.key === "Enter" || event.key === "F2") {
        event.preventDefault();
        return start(cell);
      }
      const row = cell.closest("[data-row]");
      const list = cellsOf(row);
      const at = list.indexOf(cell);
      const same = (other) => other?.querySelector?.(`[data-cell="${cell.dataset.cell}"]`);
      const to = {
        ArrowLeft: list[at - 1], ArrowRight: list[at + 1],
        ArrowUp: same(row.previousElementSibling), ArrowDown: same(row.nextElementSibling),
      }[event.key];
      if (!to) return;
      event.preventDefault();
      focusOn(to);
    });

    async function inside(event, cell) {
      if (event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        return close();
      }
      const fields = [...cell.querySelectorAll("input:not([type=hidden]), select, textarea")].filter((field) => field.offsetParent);
      const last = event.shiftKey ? fields[0] : fields.at(-1);
      const leaves = event.key === "Tab" && (event.target === last || !fields.includes(event.target));
      const enters = event.key === "Enter" && !(event.target.matches("textarea") && event.shiftKey) && !event.target.closest(".dropdown-active");
      if (!leaves && !enters) return;
      event.preventDefault();
      event.stopPropagation();
      const key = cell.dataset.cell;
      const saved = await save();
      if (!saved) return;
      const list = cellsOf(saved.closest("[data-row]"));
      const now = list.findIndex((other) => other.dataset.cell === key);
      const next = list[now + (event.shiftKey ? -1 : 1)];
      if (leaves && next) start(next);
      else if (saved.matches("[data-cell]")) focusOn(saved);
    }
  });
})();
