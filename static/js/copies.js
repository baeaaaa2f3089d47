// Repeat copies: a small table of what differs, drawn for as many copies as were asked for.
(function () {
  "use strict";
  const crm = window.crm;

  crm.part("[data-copies]", (box) => {
    const form = box.closest("form");
    const count = form.querySelector("[name=count]");
    const body = box.querySelector("tbody");
    const columns = [...box.querySelectorAll("th[data-name]")];
    const most = Number(box.dataset.max) || 100;

    function line(number) {
      const made = crm.element("tr");
      made.append(crm.element("td", "num faint", String(number)));
      for (const column of columns) {
        const cell = crm.element("td");
        const input = crm.element("input", "form-control");
        input.name = `row-${number}-${column.dataset.name}`;
        input.setAttribute("aria-label", `${column.textContent.trim()}, ${number}`);
        cell.append(input);
        made.append(cell);
      }
      return made;
    }

    function draw() {
      const wanted = Math.min(Math.max(Number.parseInt(count.value, 10) || 0, 0), most);
      while (body.children.length > wanted) body.lastElementChild.remove();
      while (body.children.length < wanted) body.append(line(body.children.length + 1));
    }

    /** A column (or block) copied from a spreadsheet fills the cells below and beside. */
    body.addEventListener("paste", (event) => {
      const text = event.clipboardData.getData("text").replace(/\r/g, "").replace(/\n$/, "");
      if (!/[\n\t]/.test(text)) return;
      event.preventDefault();
      const cell = event.target.closest("td");
      const startRow = [...body.children].indexOf(cell.parentElement);
      const startColumn = [...cell.parentElement.children].indexOf(cell);
      const rows = text.split("\n").slice(0, most - startRow);
      if (startRow + rows.length > body.children.length) {
        count.value = startRow + rows.length;
        draw();
      }
      rows.forEach((values, row) => values.split("\t").forEach((value, column) => {
        const input = body.children[startRow + row]?.children[startColumn + column]?.querySelector("input");
        if (input) input.value = value.trim();
      }));
    });

    count?.addEventListener("input", draw);
    if (count) draw();
  });
})();
