// The form builder: the preview follows what is typed, fields that have no values to choose from hide them.
(function () {
  "use strict";
  const form = document.querySelector("[data-builder]");
  const button = form?.querySelector("[data-builder-preview]");
  if (!form || !button) return;
  let timer = null;
  const show = () => {
    // A plain post into the frame, as the button does it; the page itself stays as it is.
    const copy = document.createElement("form");
    copy.method = "post";
    copy.action = button.formAction;
    copy.target = button.formTarget;
    copy.hidden = true;
    for (const [name, value] of new FormData(form)) {
      const input = document.createElement("input");
      input.type = "hidden";
      input.name = name;
      input.value = value;
      copy.append(input);
    }
    document.body.append(copy);
    HTMLFormElement.prototype.submit.call(copy);
    copy.remove();
  };
  const options = () => {
    for (const row of form.querySelectorAll("[data-builder-row]")) {
      const box = row.querySelector(".builder-options");
      if (box) box.hidden = row.querySelector("select[name$='-type']")?.value !== "select";
    }
  };
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
