// The form builder: the preview follows what is typed, fields that have no values to choose from hide them.
(function () {
  "use strict";
  const form = document.querySelector("[data-builder]");
  const button = form?.querySelector("[data-builder-preview]");
  if (!form || !button) return;
  let timer = null;
  // A plain post into the frame, as the button does it; the page itself stays as it is.
  const show = () => window.crm.postCopy(form, button.formAction, button.formTarget);
  const options = () => {
    for (const row of form.querySelectorAll("[data-builder-row]")) {
      const box = row.querySelector(".builder-options");
      if (box) box.hidden = row.querySelector("select[name$='-type']")?.value !== "select";
    }
  };
  // The numbers say the order to the server, so without scripts they are typed; with them the rows are moved.
  const rows = form.querySelector("[data-builder-rows]");
  const said = form.querySelector("[data-builder-said]");
  const all = () => [...rows.querySelectorAll("[data-builder-row]")];
  const renumber = (moved) => {
    all().forEach((row, index) => { row.querySelector("[data-builder-number]").value = index + 1; });
    const name = moved.querySelector("input[name$='-label']").value || moved.querySelector("select[name$='-meaning']").selectedOptions[0]?.text || "";
    said.textContent = rows.dataset.movedText.replace("{name}", name).replace("{number}", all().indexOf(moved) + 1);
    form.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const step = (row, down, focus) => {
    const other = down ? row.nextElementSibling : row.previousElementSibling;
    if (!other) return;
    if (down) other.after(row);
    else other.before(row);
    renumber(row);
    focus.focus();
  };
  rows?.addEventListener("click", (event) => {
    const arrow = event.target.closest("[data-builder-step]");
    if (arrow) step(arrow.closest("[data-builder-row]"), arrow.dataset.builderStep === "down", arrow);
  });
  rows?.addEventListener("keydown", (event) => {
    const handle = event.target.closest("[data-builder-handle]");
    if (!handle || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    step(handle.closest("[data-builder-row]"), event.key === "ArrowDown", handle);
  });
  if (rows) {
    window.crm.load(window.crm.assets.sortable).catch(() => {}).then(() => {
      window.Sortable?.create(rows, { handle: "[data-builder-handle]", draggable: "[data-builder-row]", animation: 120, onEnd: (event) => renumber(event.item) });
    });
  }
  form.addEventListener("input", () => { options(); clearTimeout(timer); timer = setTimeout(show, 500); });
  form.addEventListener("change", (event) => {
    // What a field is tells how it is usually filled in.
    if (!event.target.matches("select[name$='-meaning']")) return;
    const kind = { phone: "phone", email: "email", text: "textarea", start: "date", consent: "checkbox" }[event.target.value];
    const type = event.target.closest("[data-builder-row]").querySelector("select[name$='-type']");
    if (kind && type) type.value = kind;
    options();
  });
  button.addEventListener("click", (event) => { event.preventDefault(); show(); });
  options();
})();
