// Forms: one press is one record, typed text is not lost, Ctrl+Enter sends, small conveniences of fields.
(function () {
  "use strict";
  const crm = window.crm;
  const sending = new WeakSet();

  // --- Sending once -----------------------------------------------------------------------------------------------
  function mark(form, on) {
    for (const button of form.querySelectorAll("button:not([type=button]), input[type=submit]")) {
      button.classList.toggle("is-sending", on && button.matches(".btn-primary, .btn-danger, .btn-success"));
      if (on) button.setAttribute("aria-disabled", "true");
      else button.removeAttribute("aria-disabled");
    }
    if (on) sending.add(form);
    else sending.delete(form);
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || form.matches("[data-sent-by-script]")) return;
    if (sending.has(form)) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    form.dataset.leaving = "";
    if (crm.byHtmx(form) || event.submitter?.matches?.("[hx-post], [hx-get]")) return;
    const token = form.querySelector("[name=csrfmiddlewaretoken]");
    if (token && crm.csrf()) token.value = crm.csrf();
    mark(form, true);
  }, true);
  document.addEventListener("htmx:beforeRequest", (event) => {
    const form = event.detail.elt.closest("form");
    if (!form || event.detail.requestConfig.verb === "get") return;
    if (sending.has(form)) event.preventDefault();
    else mark(form, true);
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const form = event.detail.elt.closest("form");
    if (!form) return;
    mark(form, false);
    delete form.dataset.leaving;
    if (!event.detail.successful || crm.isSignedOut(event.detail.xhr.responseURL)) return;
    forget(form);
    if (form.matches("[data-reset-on-success]")) form.reset();
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) for (const form of document.forms) mark(form, false);
  });

  // --- Keys -------------------------------------------------------------------------------------------------------
  document.addEventListener("keydown", (event) => {
    const form = event.target.form || event.target.closest?.("form");
    if (!form) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit(form.querySelector(".btn-primary, .btn-danger, .btn-success, button:not([type=button])"));
    }
    if (event.key === "Escape" && form.matches("[data-inline-edit]")) {
      event.stopPropagation();
      form.querySelector("[data-inline-cancel]")?.click();
    }
  });

  // --- What was typed -------------------------------------------------------------------------------------------
  const DRAFT = "crm-draft:";
  const draftName = (form) => DRAFT + location.pathname + ":" + form.dataset.draft;
  const kept = (field) => field.name && !["hidden", "password", "file"].includes(field.type) && field.name !== "csrfmiddlewaretoken";

  function remember(form) {
    const values = {};
    for (const field of form.elements) {
      if (!kept(field)) continue;
      if (field.type === "checkbox" || field.type === "radio") {
        if (field.checked !== field.defaultChecked) values[`${field.name}=${field.value}`] = field.checked;
      } else if (field.value !== field.defaultValue && field.value) values[field.name] = field.value;
    }
    try {
      if (Object.keys(values).length) localStorage.setItem(draftName(form), JSON.stringify(values));
      else localStorage.removeItem(draftName(form));
    } catch { /* A full or forbidden store must not hinder the typing. */ }
  }

  function forget(form) {
    if (form.dataset.draft !== undefined) localStorage.removeItem(draftName(form));
  }

  crm.part("form[data-draft]", (form) => {
    let timer = null;
    form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(() => remember(form), 400); });
    form.addEventListener("submit", () => { clearTimeout(timer); if (crm.byHtmx(form)) remember(form); else forget(form); });
    form.addEventListener("reset", () => { clearTimeout(timer); forget(form); });
    let values = {};
    try { values = JSON.parse(localStorage.getItem(draftName(form)) || "{}"); } catch { return; }
    let restored = false;
    for (const field of form.elements) {
      if (!kept(field)) continue;
      if (field.type === "checkbox" || field.type === "radio") {
        const state = values[`${field.name}=${field.value}`];
        if (state !== undefined) field.checked = state;
      } else if (values[field.name] && field.value === field.defaultValue) {
        field.value = values[field.name];
        restored = true;
      }
    }
    if (restored) crm.toast({ level: "info", text: crm.text.draftRestored });
  });

  document.addEventListener("submit", (event) => {
    // Whoever sits down at this machine next must not find the drafts of the one who left.
    if (!event.target.matches("[data-logout]")) return;
    for (const name of Object.keys(localStorage)) if (name.startsWith(DRAFT)) localStorage.removeItem(name);
  });

  const changed = (form) => [...form.elements].some((field) => kept(field) && (
    ["checkbox", "radio"].includes(field.type) ? field.checked !== field.defaultChecked
      : field.tagName !== "SELECT" && field.value !== field.defaultValue));
  window.addEventListener("beforeunload", (event) => {
    const open = [...document.querySelectorAll("form[data-dirty-guard]")].some((form) => form.dataset.leaving === undefined && changed(form));
    if (open) event.preventDefault();
  });

  // --- Fields -----------------------------------------------------------------------------------------------------
  crm.part(".stage-bar [aria-current=step]", (step) => {
    // On a phone the bar is longer than the screen: it opens at the present stage.
    const bar = step.parentElement;
    bar.scrollLeft = step.offsetLeft - bar.offsetLeft - 24;
  });

  crm.part("[data-submit-on-change]", (field) => {
    field.addEventListener("change", () => field.form.requestSubmit());
  });

  // A field that settles another: days typed into a report mean a period of one's own.
  crm.part("[data-sets]", (field) => {
    const [name, value] = field.dataset.sets.split("=");
    field.addEventListener("input", () => { if (field.form.elements[name]) field.form.elements[name].value = value; });
  });

  crm.part("form[data-filter-bar]", (form) => {
    // An address that is passed on names only the filters that are set.
    form.addEventListener("formdata", (event) => {
      for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
    });
  });

  crm.part("[data-drop]", (form) => {
    const input = form.querySelector("input[type=file]");
    form.addEventListener("dragover", (event) => { event.preventDefault(); form.classList.add("is-over"); });
    form.addEventListener("dragleave", () => form.classList.remove("is-over"));
    form.addEventListener("drop", (event) => {
      event.preventDefault();
      form.classList.remove("is-over");
      input.files = event.dataTransfer.files;
      form.requestSubmit();
    });
  });

  crm.part("[data-file-pick]", (place) => {
    const input = place.querySelector("input[type=file]");
    const name = place.querySelector("[data-file-name]");
    const nothing = name.textContent;
    const show = () => { name.textContent = [...input.files].map((file) => file.name).join(", ") || nothing; };
    input.addEventListener("change", show);
    input.form?.addEventListener("reset", () => setTimeout(show));
    show();
  });

  // What goes on beyond an edge of its box fades out there; the part one is in stands in sight.
  crm.part(".tabs, .settings-nav, .table-wrap", (box) => {
    const here = box.querySelector(":scope > .is-active");
    if (here && here.offsetLeft + here.offsetWidth > box.clientWidth) box.scrollLeft = here.offsetLeft - 24;
    const look = () => {
      const left = Math.round(box.scrollLeft);
      box.classList.toggle("has-less", left > 0);
      box.classList.toggle("has-more", left + box.clientWidth < box.scrollWidth - 2);
    };
    box.addEventListener("scroll", look, { passive: true });
    new ResizeObserver(look).observe(box);
    look();
  });

  const metres = (text) => Number.parseFloat(String(text).replace(/\s/g, "").replace(",", "."));
  crm.part("[data-area]", (place) => {
    const [length, width] = place.dataset.area.split(",").map((id) => document.getElementById(id.trim()));
    const area = document.getElementById(place.dataset.areaInto || "");
    if (!length || !width) return;
    let own = Boolean(area?.value);
    area?.addEventListener("input", () => { own = Boolean(area.value); });
    const count = () => {
      const size = Math.round(metres(length.value) * metres(width.value) * 100) / 100;
      const known = Number.isFinite(size) && size > 0;
      place.textContent = known ? crm.say(crm.text.areaOf, { length: length.value, width: width.value, area: size.toLocaleString(document.documentElement.lang) }) : "";
      if (area && known && !own) area.value = String(size).replace(".", document.documentElement.lang === "ru" ? "," : ".");
    };
    length.addEventListener("input", count);
    width.addEventListener("input", count);
    count();
  });

  crm.part("input[type=password]", (input) => {
    const wrap = crm.element("div", "password-wrap");
    input.replaceWith(wrap);
    const eye = crm.element("button", "btn-icon");
    eye.type = "button";
    eye.append(crm.icon("eye"));
    eye.setAttribute("aria-label", crm.text.showPassword);
    const hint = crm.element("div", "field-help");
    hint.setAttribute("aria-live", "polite");
    wrap.append(input, eye, hint);
    eye.addEventListener("click", () => {
      const hidden = input.type === "password";
      input.type = hidden ? "text" : "password";
      eye.replaceChildren(crm.icon(hidden ? "eye-off" : "eye"));
      eye.setAttribute("aria-label", hidden ? crm.text.hidePassword : crm.text.showPassword);
    });
    input.addEventListener("keyup", (event) => {
      const notes = [];
      if (event.getModifierState?.("CapsLock")) notes.push(crm.text.capsLock);
      if (/[а-яё]/i.test(event.key) && event.key.length === 1) notes.push(crm.text.otherLayout);
      hint.textContent = notes.join(". ");
    });
  });

  crm.part("[data-tabset]", (box) => {
    const tabs = [...box.querySelectorAll("[role=tab]")];
    const choose = (tab) => {
      for (const other of tabs) {
        const on = other === tab;
        other.setAttribute("aria-selected", String(on));
        other.tabIndex = on ? 0 : -1;
        document.getElementById(other.getAttribute("aria-controls"))?.toggleAttribute("data-tab-hidden", !on);
      }
    };
    box.addEventListener("click", (event) => {
      const tab = event.target.closest("[role=tab]");
      if (tab) choose(tab);
    });
    box.addEventListener("keydown", (event) => {
      const at = tabs.indexOf(event.target);
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (at < 0 || !step) return;
      const next = tabs[(at + step + tabs.length) % tabs.length];
      choose(next);
      next.focus();
    });
  });

  // --- Selected rows ----------------------------------------------------------------------------------------------
  crm.part("form[data-bulk]", (form) => {
    const bar = form.querySelector("[data-bulk-bar]");
    const rows = () => [...form.querySelectorAll("[data-bulk-row]")];
    const all = form.querySelector("[data-bulk-all]");
    let last = null;
    const count = () => {
      const chosen = rows().filter((row) => row.checked).length;
      if (bar) bar.hidden = chosen === 0;
      const label = bar?.querySelector("[data-bulk-count]");
      const found = bar?.querySelector("[name=all_found]");
      if (found && !chosen) found.checked = false;
      if (label) label.textContent = found?.checked ? crm.say(crm.text.selectedAll, { count: found.dataset.total }) : crm.say(crm.text.selected, { count: chosen });
      if (all) {
        all.checked = chosen > 0 && chosen === rows().length;
        all.indeterminate = chosen > 0 && chosen < rows().length;
      }
    };
    form.addEventListener("click", (event) => {
      if (event.target === all) return; // its change comes next and must find it as the person left it
      const row = event.target.closest("[data-bulk-row]");
      if (row && event.shiftKey && last) {
        const list = rows();
        const [from, to] = [list.indexOf(last), list.indexOf(row)].sort((a, b) => a - b);
        for (const between of list.slice(from, to + 1)) between.checked = row.checked;
      }
      if (row) last = row;
      if (event.target.closest("[data-bulk-clear]")) for (const other of rows()) other.checked = false;
      count();
    });
    form.addEventListener("change", (event) => {
      if (event.target === all) for (const row of rows()) row.checked = all.checked;
      count();
    });
    count();
  });

  crm.part("[data-error-summary]", (summary) => {
    if (!summary.closest("dialog")) summary.focus();
    summary.addEventListener("click", (event) => {
      const link = event.target.closest("a[href^='#']");
      const field = link && document.getElementById(link.hash.slice(1));
      if (!field) return;
      event.preventDefault();
      (field.tomselect || field).focus();
      field.scrollIntoView({ block: "center" });
    });
  });

  /** Post what a form holds to another address, into another window or frame; the page itself stays as it is. */
  crm.postCopy = function (form, action, target) {
    const copy = document.createElement("form");
    copy.method = "post";
    copy.action = action;
    copy.target = target;
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
  // A link of a form shows what the form would make as it is filled in now; without scripts, what is usual.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-post-form]");
    if (!link) return;
    event.preventDefault();
    crm.postCopy(link.closest("form"), link.href, link.target);
  });

  // What is proposed gives way to what is typed.
  document.addEventListener("focusin", (event) => { if (event.target.matches("input[data-select]")) event.target.select(); });

  // A sum is read by its thousands: "1 234 567,80"; while it is typed it stays as typed. The server reads both.
  const GAPS = /[\s\u00a0\u202f]/g;
  const grouped = (text) => {
    const [, sign, whole, rest = ""] = /^(-?)(\d+)([.,]\d*)?$/.exec(text.replace(GAPS, "")) || [];
    return whole ? sign + whole.replace(/\B(?=(?:\d{3})+$)/g, "\u00a0") + rest : text;
  };
  crm.part("input[data-grouped]", (field) => {
    const isUntouched = field.value === field.defaultValue;
    field.value = grouped(field.value);
    if (isUntouched) field.defaultValue = field.value;
    field.addEventListener("blur", () => { field.value = grouped(field.value); });
  });

  // A button puts its text where the cursor was last in the field beside it, or in another text of the form.
  let typed = null;
  document.addEventListener("focusin", (event) => {
    if (event.target.matches("textarea, input[type=text], input:not([type])")) typed = event.target;
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-insert]");
    if (!button) return;
    const own = button.closest(".field").querySelector("textarea, input");
    const field = typed?.form === own.form && typed.isConnected && typed.matches("[data-complete]") ? typed : own;
    field.setRangeText(button.dataset.insert, field.selectionStart, field.selectionEnd, "end");
    field.focus();
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });

  // While a placeholder is typed, those that fit are offered: arrows choose, Enter or Tab takes, Esc lets go.
  let offer = null;
  const letGo = () => {
    offer?.list.remove();
    offer?.field.removeAttribute("aria-activedescendant");
    offer?.field.removeAttribute("aria-controls");
    offer = null;
  };
  const choose = (index) => {
    offer.at = (index + offer.options.length) % offer.options.length;
    offer.options.forEach((option, place) => option.setAttribute("aria-selected", String(place === offer.at)));
    offer.field.setAttribute("aria-activedescendant", offer.options[offer.at].id);
    offer.options[offer.at].scrollIntoView({ block: "nearest" });
  };
  const take = (text) => {
    const { field, start } = offer;
    const end = field.selectionStart + (field.value[field.selectionStart] === "}" ? 1 : 0);
    letGo();
    field.setRangeText(text, start, end, "end");
    field.focus();
  };
  const propose = (field) => {
    letGo();
    const open = /\{([^{}\s]{0,30})$/.exec(field.value.slice(0, field.selectionStart));
    if (!open) return;
    const part = open[1].toLowerCase();
    const known = [...field.form.querySelectorAll("[data-insert]")];
    const fitting = known.filter((one) => one.textContent.toLowerCase().split(/[\s{}]+|(?<=_)/).some((word) => word.startsWith(part)) || one.dataset.insert.startsWith(`{${part}`));
    if (!fitting.length) return;
    const list = document.createElement("ul");
    list.className = "complete-list";
    list.id = `${field.id}-complete`;
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", field.labels[0]?.textContent.trim() ?? "");
    const options = fitting.map((one, place) => {
      const option = document.createElement("li");
      option.id = `${list.id}-${place}`;
      option.setAttribute("role", "option");
      option.dataset.text = one.dataset.insert;
      option.innerHTML = one.innerHTML;
      return option;
    });
    list.append(...options);
    field.after(list);
    field.setAttribute("aria-autocomplete", "list");
    field.setAttribute("aria-controls", list.id);
    offer = { field, list, options, start: open.index, at: 0 };
    choose(0);
  };
  document.addEventListener("input", (event) => {
    if (event.target.matches("[data-complete]")) propose(event.target);
  });
  document.addEventListener("focusout", (event) => {
    if (offer && event.target === offer.field) letGo();
  });
  document.addEventListener("pointerdown", (event) => {
    const option = event.target.closest(".complete-list [role=option]");
    if (!option || !offer) return;
    event.preventDefault(); // the field keeps the focus
    take(option.dataset.text);
  });
  document.addEventListener("keydown", (event) => {
    if (!offer || event.target !== offer.field || event.isComposing) return;
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey;
    if (!plain) return;
    if (event.code === "ArrowDown") choose(offer.at + 1);
    else if (event.code === "ArrowUp") choose(offer.at - 1);
    else if (event.code === "Enter" || event.code === "Tab") take(offer.options[offer.at].dataset.text);
    else if (event.code === "Escape") letGo();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }, true);
})();
