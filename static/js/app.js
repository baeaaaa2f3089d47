// What every page needs: configuration, lazy parts, toasts, errors, copying. Others hang on window.crm.
(function () {
  "use strict";
  const config = JSON.parse(document.getElementById("crm-config").textContent);
  const crm = (window.crm = { text: config.text, assets: config.assets, patience: 20000 });

  /** Fill %(name)s places of a translated sentence. */
  crm.say = (sentence, values) => sentence.replace(/%\((\w+)\)s/g, (_, name) => values[name] ?? "");

  crm.csrf = function () {
    const found = /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie);
    if (found) return found[1];
    return JSON.parse(document.body.getAttribute("hx-headers") || "{}")["X-CSRFToken"] || "";
  };

  crm.icon = function (name, css = "") {
    const holder = document.createElement("template");
    holder.innerHTML = `<svg class="icon ${css}" aria-hidden="true"><use href="${crm.assets.icons}#${name}"></use></svg>`;
    return holder.content.firstElementChild;
  };

  crm.element = function (tag, css, text) {
    const made = document.createElement(tag);
    if (css) made.className = css;
    if (text !== undefined) made.textContent = text;
    return made;
  };

  // --- Parts that are fetched only where a page has need of them --------------------------------------------------
  const loads = new Map();

  /** Fetch a script or a style sheet once. */
  crm.load = function (url) {
    if (!loads.has(url)) {
      loads.set(url, new Promise((done, fail) => {
        const css = url.includes(".css");
        const tag = document.createElement(css ? "link" : "script");
        if (css) tag.rel = "stylesheet";
        tag[css ? "href" : "src"] = url;
        tag.onload = done;
        tag.onerror = () => { loads.delete(url); tag.remove(); fail(new Error(url)); };
        document.head.append(tag);
      }));
    }
    return loads.get(url);
  };

  const LAZY = { "[data-board]": "board", "[data-chart]": "report", "[data-autocomplete-url]": "autocomplete", "[data-merge]": "merge", "[data-copies]": "copies", "[data-sort-list], [data-cells]": "lists", "[data-order], [data-order-rows]": "order", "select[data-choose]": "autocomplete", "[data-day-open]": "calendar" };
  const parts = [];
  const seen = new WeakMap();

  /** Run `start(element)` once for each element that matches, now and in whatever is swapped in later. */
  crm.part = function (selector, start) {
    parts.push([selector, start]);
    enliven(document.body);
  };

  function enliven(root) {
    for (const [selector, start] of parts) {
      const found = [...root.querySelectorAll(selector)];
      if (root.matches(selector)) found.push(root);
      for (const element of found) {
        const done = seen.get(element) || new Set();
        if (done.has(start)) continue;
        seen.set(element, done.add(start));
        start(element);
      }
    }
    for (const [selector, name] of Object.entries(LAZY)) {
      if (root.matches(selector) || root.querySelector(selector)) crm.load(crm.assets[name]).catch(() => {});
    }
  }
  crm.enliven = enliven;
  document.addEventListener("htmx:load", (event) => enliven(event.detail.elt));

  // --- Announcements and toasts -----------------------------------------------------------------------------------
  crm.announce = function (text) {
    const place = document.getElementById("announcer");
    place.textContent = "";
    setTimeout(() => { place.textContent = text; }, 30);
  };

  const toasts = document.getElementById("toasts");
  const ICONS = { success: "circle-check", info: "info-circle", warning: "alert-triangle", error: "alert-circle" };

  /** Over the page; what is told while a dialog is open stands at its top, where it covers nothing. */
  function raiseToasts() {
    const dialog = [...document.querySelectorAll("dialog[open]")].pop();
    if (toasts.matches(":popover-open")) toasts.hidePopover();
    if (dialog) return dialog.prepend(toasts);
    if (toasts.parentNode !== document.body) document.body.append(toasts);
    if (toasts.showPopover && toasts.childElementCount) toasts.showPopover();
  }
  crm.raiseToasts = raiseToasts;

  function dismiss(item) {
    item.remove();
    if (!toasts.childElementCount && toasts.matches(":popover-open")) toasts.hidePopover();
  }

  /** Two at most; of the older ones an error stays longest. */
  function thinOut() {
    while (toasts.childElementCount > 2) {
      const old = [...toasts.children].slice(0, -1);
      (old.find((item) => !item.matches(".toast-error")) || old[0]).remove();
    }
  }

  function fade(item, seconds) {
    let timer = setTimeout(() => dismiss(item), seconds * 1000);
    const hold = () => clearTimeout(timer);
    const go = () => { clearTimeout(timer); timer = setTimeout(() => dismiss(item), 4000); };
    item.addEventListener("pointerenter", hold);
    item.addEventListener("focusin", hold);
    item.addEventListener("pointerleave", go);
    item.addEventListener("focusout", go);
  }

  /** Show a toast: {level, text, undo_url, href, link_text, note}. Errors stay, undo stays 10 s, the rest 6 s. */
  crm.toast = function (message) {
    const level = ICONS[message.level] ? message.level : "info";
    if ([...toasts.children].some((old) => old.dataset.text === message.text && level === "error")) return;
    const item = crm.element("div", `toast-item toast-${level}`);
    item.dataset.text = message.text;
    if (level === "error") item.setAttribute("role", "alert");
    const text = crm.element("div", "toast-text", message.text);
    if (message.note) text.append(crm.element("small", "", message.note));
    if (message.href) {
      const link = crm.element("a", "link", message.link_text || crm.text.open);
      link.href = message.href;
      if (message.new_tab) link.target = "_blank";
      text.append(" ", link);
    }
    item.append(crm.icon(ICONS[level]), text);
    if (message.undo_url) item.append(undoButton(message, item));
    const close = crm.element("button", "btn-icon");
    close.type = "button";
    close.dataset.toastClose = "";
    close.setAttribute("aria-label", crm.text.close);
    close.append(crm.icon("x"));
    item.append(close);
    toasts.append(item);
    thinOut();
    raiseToasts();
    if (level !== "error") fade(item, message.undo_url ? 10 : 6);
  };

  function undoButton(message, item) {
    const button = crm.element("button", "btn btn-small", crm.text.undo);
    button.type = "button";
    button.addEventListener("click", async () => {
      button.disabled = true;
      const answer = await crm.post(message.undo_url, {}).catch(() => null);
      dismiss(item);
      if (answer?.headers.get("HX-Retarget") === "#dialog-body") return crm.showDialog(await answer.text(), document.getElementById("content"));
      if (!answer || !answer.ok) return crm.toast({ level: "error", text: crm.text.undoFailed });
      if (!answer.headers.get("HX-Trigger")) crm.toast({ level: "success", text: crm.text.undone });
      document.body.dispatchEvent(new CustomEvent("recordChanged", { bubbles: true }));
    });
    return button;
  }

  document.addEventListener("click", (event) => {
    const close = event.target.closest("[data-toast-close]");
    if (close) dismiss(close.closest(".toast-item"));
  });
  document.body.addEventListener("toast", (event) => {
    const detail = event.detail.value ?? event.detail;
    for (const message of Array.isArray(detail) ? detail : [detail]) crm.toast(message);
  });

  /** Whether htmx sends the form; inside hx-disable the browser does. */
  crm.byHtmx = (form) => form.matches("[hx-post], [hx-get]") && !form.closest("[hx-disable]");

  /** Post outside htmx, with the same headers; events the server sends are passed on. */
  crm.post = async function (url, data) {
    const answer = await crm.fetch(url, {
      method: "POST",
      body: new URLSearchParams(data),
      headers: { "X-CSRFToken": crm.csrf(), "HX-Request": "true" },
    });
    passTriggers(answer.headers.get("HX-Trigger"));
    if (answer.headers.get("HX-Refresh") === "true") location.reload();
    const elsewhere = answer.headers.get("HX-Redirect");
    if (elsewhere) location.assign(elsewhere);
    return answer;
  };

  crm.passTriggers = passTriggers;
  function passTriggers(header) {
    if (!header) return;
    let events;
    try { events = JSON.parse(header); } catch { events = Object.fromEntries(header.split(",").map((name) => [name.trim(), {}])); }
    for (const [name, value] of Object.entries(events)) {
      const detail = Array.isArray(value) || typeof value !== "object" ? { value } : value;
      document.body.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
    }
  }

  // --- What goes wrong on the way ---------------------------------------------------------------------------------
  /** Say in a sentence why a request failed; what was typed stays where it is. */
  crm.failed = function (status, requestId) {
    const known = { 401: "signedOut", 419: "pageOld", 403: "forbidden", 404: "notFound", 408: "timeout", 413: "tooLarge", 429: "tooMany" };
    const message = { level: "error", text: crm.text[known[status] || (status ? "serverError" : "offline")] };
    if (status === 401) Object.assign(message, { href: "/accounts/login/", link_text: crm.text.signIn, new_tab: true });
    if (requestId) message.note = `${crm.text.requestId}: ${requestId}`;
    crm.toast(message);
  };

  /** Refused for the sake of the token alone: the answer brought a new one, nothing was done. */
  crm.isOld = (header) => Boolean(header("X-CSRF-Failed"));

  document.addEventListener("htmx:responseError", (event) => {
    if (crm.isOld((name) => event.detail.xhr.getResponseHeader(name))) return; // session.js sends it again
    crm.failed(event.detail.xhr.status, event.detail.xhr.getResponseHeader("X-Request-ID"));
  });
  document.addEventListener("htmx:sendError", () => crm.failed(0));
  document.addEventListener("htmx:timeout", () => crm.failed(408));
  /** Signed out meanwhile: the redirect was followed and the sign-in page came back. session.js then asks again. */
  crm.isSignedOut = (address) => /\/accounts\/(login|reauthenticate)\//.test(address || "");
  document.addEventListener("htmx:configRequest", (event) => {
    // After signing in again in another tab the token of this page is stale: the cookie always has the present one.
    event.detail.headers["X-CSRFToken"] = crm.csrf();
    event.detail.parameters.delete?.("csrfmiddlewaretoken");
  });

  let busy = 0;
  let busyTimer = null;
  function busyNow(step) {
    busy = Math.max(0, busy + step);
    clearTimeout(busyTimer);
    if (!busy) return document.querySelector(".busy-bar")?.remove();
    busyTimer = setTimeout(() => {
      if (!document.querySelector(".busy-bar")) document.body.append(crm.element("div", "busy-bar"));
    }, 400);
  }
  /** Fetch as htmx does: something is seen to happen, and a server that does not answer is given up after a while (408). */
  crm.fetch = async function (url, options = {}) {
    busyNow(1);
    try {
      return await window.fetch(url, { signal: AbortSignal.timeout(crm.patience), ...options });
    } catch (error) {
      throw error.name === "TimeoutError" ? Object.assign(new Error("timeout"), { status: 408 }) : error;
    } finally {
      busyNow(-1);
    }
  };
  document.addEventListener("htmx:beforeSend", () => busyNow(1));
  document.addEventListener("htmx:afterRequest", () => busyNow(-1));

  // --- Small things -----------------------------------------------------------------------------------------------
  document.addEventListener("click", async (event) => {
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      await navigator.clipboard?.writeText(copy.dataset.copy).catch(() => {});
      crm.toast({ level: "success", text: `${crm.text.copied}: ${copy.dataset.copy}` });
    }
    const theme = event.target.closest("[data-theme-set]");
    if (theme) {
      window.crmTheme.set(theme.dataset.themeSet);
      markTheme();
    }
    if (event.target.closest("[data-go-back]")) history.back();
    if (event.target.closest("[data-nav-fold]")) {
      const root = document.documentElement;
      root.dataset.nav = root.dataset.nav === "narrow" ? "wide" : "narrow";
      document.cookie = `nav=${root.dataset.nav}; path=/; max-age=31536000; samesite=lax`;
    }
  });

  function markTheme() {
    for (const button of document.querySelectorAll("[data-theme-set]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeSet === window.crmTheme.chosen()));
    }
  }
  markTheme();

  // --- Where one was ----------------------------------------------------------------------------------------------
  // Back shows a list or board as it was left: how far it was scrolled is kept with the entry of the history.
  const scrolled = () => [document.scrollingElement, ...document.querySelectorAll("#board, #board .board-cards, .table-wrap.is-wide")];
  window.addEventListener("pagehide", () => {
    const at = scrolled().map((place) => [place.scrollLeft, place.scrollTop]);
    if (at.some(([left, top]) => left || top)) history.replaceState({ ...history.state, scrolled: at }, "");
  });
  if (performance.getEntriesByType("navigation")[0]?.type === "back_forward") {
    window.addEventListener("load", () => {
      scrolled().forEach((place, index) => {
        const [left, top] = history.state?.scrolled?.[index] || [];
        if (left || top) place.scrollTo({ left, top, behavior: "instant" });
      });
    });
  }
  // A page that Back took out of the browser's store shows what was; its parts are fetched anew one by one, so that
  // neither the scroll nor what is being written is lost.
  window.addEventListener("pageshow", (event) => {
    const visit = performance.getEntriesByType("navigation")[0];
    if (event.persisted || (visit?.type === "back_forward" && !visit.transferSize)) {
      document.body.dispatchEvent(new CustomEvent("recordChanged", { bubbles: true }));
    }
  });
  for (const item of toasts.querySelectorAll("[data-toast-fade]")) fade(item, item.querySelector("form") ? 10 : 7);
  // The scripts after this one add their parts first; then whatever the page holds comes alive.
  document.addEventListener("DOMContentLoaded", () => enliven(document.body));
})();
