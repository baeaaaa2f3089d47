// A form of the CRM on any site: <div data-crm-form="KEY"></div><script src="https://crm.example/static/js/embed.js" async></script>
// No cookies, no inline styles, nothing of the page is touched but the marked places. Styles live in a shadow root.
(function () {
  "use strict";
  const script = document.currentScript;
  const base = new URL(script ? script.src : location.href).origin;
  const STORE = "crm-form-visit";
  const MARK = /^(utm_(source|medium|campaign|content|term)|yclid|ymclid|gclid|gbraid|wbraid|fbclid|vkclid|rb_clickid|roistat|_openstat)$/;

  // --- Where the visitor came from: kept from the landing page on, for as long as the tab lives --------------------
  function visit() {
    const marks = {};
    for (const [name, value] of new URLSearchParams(location.search)) if (MARK.test(name.toLowerCase())) marks[name.toLowerCase()] = value.slice(0, 500);
    let kept = null;
    try { kept = JSON.parse(sessionStorage.getItem(STORE)); } catch { kept = null; }
    const outside = document.referrer && new URL(document.referrer).origin !== location.origin ? document.referrer : "";
    // Marks on a later page are a new coming; a page of the site itself never takes the first one's place.
    if (!kept || typeof kept !== "object" || Object.keys(marks).length || (outside && outside !== kept._referrer)) {
      kept = { ...marks, _referrer: outside.slice(0, 2000), _page: location.href.slice(0, 2000) };
      try { sessionStorage.setItem(STORE, JSON.stringify(kept)); } catch { /* Without a store this page's own values are sent. */ }
    }
    return kept;
  }

  const STYLE = `
    :host { display: block; font: inherit; color: inherit; text-align: start; }
    * { box-sizing: border-box; }
    form, .box { max-width: 32rem; }
    h2 { font-size: 1.375em; line-height: 1.25; margin: 0 0 .5em; overflow-wrap: anywhere; }
    p { margin: 0 0 .75em; white-space: pre-line; overflow-wrap: anywhere; }
    .field { margin: 0 0 .75em; }
    label { display: block; font-weight: 600; margin-bottom: .25em; overflow-wrap: anywhere; }
    label.check { display: flex; gap: .6em; align-items: flex-start; font-weight: 400; }
    .check input { flex: none; width: 1.25em; height: 1.25em; margin: .15em 0 0; accent-color: var(--crm-colour); }
    input:not([type=checkbox]), select, textarea { width: 100%; min-height: 2.75em; padding: .5em .75em; font: inherit; color: #1b1f27; background: #fff; border: 1px solid #8a92a0; border-radius: .5em; }
    [aria-invalid=true] { border: 2px solid #b3261e !important; }
    .error, .must { color: #b3261e; }
    .error { font-size: .875em; }
    .notice { border: 2px solid #b3261e; border-radius: .5em; padding: .75em 1em; margin-bottom: 1em; }
    button { min-height: 3em; padding: .6em 1.5em; font: inherit; font-weight: 600; color: var(--crm-on-colour); background: var(--crm-colour); border: 0; border-radius: .5em; cursor: pointer; }
    button[aria-disabled=true] { opacity: .6; }
    .trap { position: absolute; left: -10000px; width: 1px; height: 1px; overflow: hidden; }
    :focus-visible { outline: 3px solid var(--crm-colour); outline-offset: 2px; }`;
  const AUTOCOMPLETE = { name: "name", phone: "tel", email: "email", company: "organization", city: "address-level2" };

  function element(name, properties, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(properties || {})) {
      if (key in made) made[key] = value;
      else made.setAttribute(key, value);
    }
    made.append(...children);
    return made;
  }

  function control(field, words) {
    if (field.type === "textarea") return element("textarea", { name: field.name, rows: 4, maxLength: 20000 });
    if (field.type === "select") {
      const list = element("select", { name: field.name }, element("option", { value: "", textContent: words.choose }));
      for (const option of field.options) list.append(element("option", { value: option, textContent: option }));
      return list;
    }
    const type = { phone: "tel", email: "email", checkbox: "checkbox", date: "date", file: "file" }[field.type] || "text";
    const input = element("input", { name: field.name, type });
    if (type === "checkbox") input.value = "on";
    if (field.type === "number") input.inputMode = "decimal";
    if (AUTOCOMPLETE[field.name]) input.autocomplete = AUTOCOMPLETE[field.name];
    return input;
  }

  function row(field, words) {
    const input = control(field, words);
    input.id = `f-${field.name}`;
    input.required = field.required;
    const error = element("div", { className: "error", id: `e-${field.name}` });
    input.setAttribute("aria-describedby", error.id);
    const must = field.required ? element("span", { className: "must", textContent: " *", ariaHidden: "true" }) : "";
    const label = field.type === "checkbox"
      ? element("label", { className: "check" }, input, element("span", {}, field.label, must))
      : element("label", { htmlFor: input.id }, field.label, must);
    const box = element("div", { className: "field" }, label);
    if (field.type !== "checkbox") box.append(input);
    box.append(error);
    return box;
  }

  function draw(root, config, key) {
    const { words } = config;
    const form = element("form", { noValidate: true });
    if (config.title) form.append(element("h2", { textContent: config.title }));
    if (config.intro) form.append(element("p", { textContent: config.intro }));
    const notice = element("div", { className: "notice", role: "alert", hidden: true });
    form.append(notice);
    for (const field of config.fields) form.append(row(field, words));
    if (config.consent) {
      const box = row({ name: config.consent.name, label: config.consent.text, type: "checkbox", required: config.consent.required }, words);
      box.querySelector("input").value = String(config.consent.version);
      form.append(box);
    }
    const trap = element("input", { name: "homepage", tabIndex: -1, autocomplete: "off" });
    trap.setAttribute("aria-hidden", "true");
    form.append(element("div", { className: "trap" }, trap));
    const button = element("button", { textContent: config.button });
    form.append(button);
    root.append(form);
    const opened = Date.now();
    const task = config.work ? solver(config) : null;
    if (task) form.addEventListener("focusin", task.begin, { once: true });
    let sending = false;

    const tell = (text) => { notice.hidden = !text; notice.textContent = text || ""; };
    const mark = (name, text) => {
      const input = form.elements.namedItem(name);
      const place = form.querySelector(`#e-${window.CSS.escape(name)}`);
      if (place) place.textContent = text;
      if (input && input.setAttribute) input.setAttribute("aria-invalid", text ? "true" : "false");
      return input;
    };

    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (sending) return;
      let first = null;
      for (const input of form.elements) {
        if (!input.name || input === trap) continue;
        const text = input.checkValidity() ? "" : (input.validity.valueMissing ? words.required : input.validationMessage);
        mark(input.name, text);
        if (text && !first) first = input;
      }
      if (first) { tell(words.wrong); first.focus(); return; }
      sending = true;
      button.setAttribute("aria-disabled", "true");
      tell("");
      const data = new FormData(form);
      for (const [name, value] of Object.entries(visit())) if (value) data.set(name, value);
      const early = config.min_seconds * 1000 + 500 - (Date.now() - opened);
      if (early > 0) await new Promise((done) => setTimeout(done, early));
      try {
        const send = async () => {
          if (task) data.set("_work", await task.begin());
          data.set("_started", config.started);
          const answer = await fetch(config.post_url, { method: "POST", body: data, headers: { Accept: "application/json" }, credentials: "omit" });
          return [answer, await answer.json().catch(() => ({}))];
        };
        let [answer, told] = await send();
        if (told.code === "work_not_done" && task) {
          config.started = told.started;
          task.again();
          [answer, told] = await send();
        }
        if (answer.ok) {
          if (told.redirect) location.assign(told.redirect);
          else form.replaceWith(element("p", { className: "box", role: "status", tabIndex: -1, textContent: config.thanks }));
          root.host.dispatchEvent(new CustomEvent("crm-form-sent", { bubbles: true, detail: { id: told.id, key } }));
          return;
        }
        tell(answer.status === 422 ? (told.detail || words.wrong) : words.failed);
        for (const error of told.errors || []) mark(error.pointer.replace(/^\//, ""), error.message);
      } catch { tell(words.failed); }
      sending = false;
      button.removeAttribute("aria-disabled");
    });
  }

  // The task that keeps robots away, solved while the visitor types; whatever hinders it, the form is sent without it.
  function solver(config) {
    let running = null;
    const loaded = () => new Promise((done, failed) => {
      if (window.crmFormWork) { done(); return; }
      document.head.append(element("script", { src: config.work.script, onload: done, onerror: failed }));
    });
    const solve = () => loaded().then(() => window.crmFormWork(config.started, config.work.rounds, config.work.bits)).catch(() => "");
    return { begin: () => { running = running || solve(); return running; }, again: () => { running = null; } };
  }

  async function place(host) {
    if (host.shadowRoot) return;
    const key = host.dataset.crmForm;
    const root = host.attachShadow({ mode: "open" });
    const asked = host.dataset.lang || document.documentElement.lang.slice(0, 2);
    const link = `${base}/f/${encodeURIComponent(key)}/`;
    try {
      const answer = await fetch(`${link}config.json${asked ? `?lang=${encodeURIComponent(asked)}` : ""}`, { credentials: "omit" });
      if (!answer.ok) throw new Error(String(answer.status));
      const config = await answer.json();
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
      root.adoptedStyleSheets = [sheet];
      host.style.setProperty("--crm-colour", config.colour);
      host.style.setProperty("--crm-on-colour", config.on_colour);
      draw(root, config, key);
    } catch (error) {
      // A form that cannot be drawn is still a page of its own.
      root.append(element("a", { href: link, textContent: host.dataset.crmLink || link }));
      console.warn("crm form", key, error);
    }
  }

  visit();
  const start = () => { for (const host of document.querySelectorAll("[data-crm-form]")) place(host); };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
