// The session may end while a form is open: a window over the page asks for the password, the form stays as it is,
// and what was interrupted is done again.
(function () {
  "use strict";
  const crm = window.crm;
  const dialog = document.getElementById("sign-in");
  if (!dialog) return; // A page for those who are not signed in.
  const form = dialog.querySelector("form");
  const problem = dialog.querySelector("[data-problem]");
  const code = dialog.querySelector("[data-code]");
  const password = form.elements.password;
  let asked = null;
  let address = form.action;

  /** Resolves to true once the person is signed in again, to false when they close the window. */
  crm.signInAgain = function () {
    if (asked) return asked.promise;
    const from = document.activeElement;
    asked = { from };
    asked.promise = new Promise((done) => { asked.done = done; });
    showStep("");
    dialog.showModal();
    password.focus();
    return asked.promise;
  };

  function showStep(where) {
    address = where || form.action;
    code.hidden = !where;
    code.querySelector("input").disabled = !where;
    dialog.querySelector("[data-password]").hidden = Boolean(where);
    password.disabled = Boolean(where);
    say("");
  }

  function say(text) {
    problem.textContent = text;
    problem.hidden = !text;
  }

  function finish(signedIn) {
    const { done, from } = asked;
    asked = null;
    form.reset();
    if (dialog.open) dialog.close();
    from?.focus?.({ preventScroll: true });
    done(signedIn);
  }

  dialog.addEventListener("close", () => { if (asked) finish(false); });

  async function send() {
    // The token lives in a cookie; where that is gone too, the sign-in page brings a new one.
    if (!/(?:^|; )csrftoken=/.test(document.cookie)) await fetch(form.action);
    const answer = await fetch(address, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
      headers: { "X-CSRFToken": crm.csrf(), "X-Requested-With": "XMLHttpRequest", Accept: "application/json", "Accept-Language": document.documentElement.lang },
    });
    if (!/json/.test(answer.headers.get("Content-Type") || "")) return say(crm.text[answer.status === 429 ? "tooMany" : "serverError"]);
    const found = await answer.json();
    if (answer.ok && /\/2fa\//.test(found.location || "")) {
      showStep(found.location);
      return code.querySelector("input").focus();
    }
    if (answer.ok) return finish(true);
    const fields = Object.values(found.form?.fields || {});
    say([...(found.form?.errors || []), ...fields.flatMap((field) => field.errors)].join(" ") || crm.text.serverError);
    (code.hidden ? password : code.querySelector("input")).select();
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    event.stopPropagation();
    const button = form.querySelector(".btn-primary");
    if (button.disabled) return;
    button.disabled = true;
    say("");
    try { await send(); } catch { say(crm.text.offline); }
    button.disabled = false;
  });

  // "Back" after signing out (here or in another tab) shows no page that was kept.
  window.addEventListener("pageshow", async (event) => {
    if (!event.persisted) return;
    try {
      if ((await fetch(dialog.dataset.sessionUrl, { cache: "no-store" })).status === 401) location.reload();
    } catch { /* no network: what stands here was seen by the same person */ }
  });

  // --- Whatever was interrupted -----------------------------------------------------------------------------------
  const cameBack = (answer) => answer.redirected && crm.isSignedOut(answer.url);

  /** As fetch, but a session that has ended is mended first; throws an error of status 401 when it is not. */
  const once = crm.fetch;
  crm.fetch = async function (url, options = {}) {
    let answer = await once(url, options);
    const withNewToken = (given) => (given?.["X-CSRFToken"] ? { ...given, "X-CSRFToken": crm.csrf() } : given);
    if (crm.isOld((name) => answer.headers.get(name))) {
      answer = await once(url, { ...options, headers: withNewToken(options.headers) });
      if (crm.isOld((name) => answer.headers.get(name))) throw Object.assign(new Error("old page"), { status: 419 });
    }
    if (!cameBack(answer)) return answer;
    if (await crm.signInAgain()) {
      // The clock that ran while the person typed the password must not stop the second try.
      const { signal: _signal, headers, ...rest } = options;
      answer = await once(url, { ...rest, headers: withNewToken(headers) });
      if (!cameBack(answer)) return answer;
    }
    throw Object.assign(new Error("signed out"), { status: 401 });
  };

  document.addEventListener("htmx:beforeSwap", async (event) => {
    const { xhr, requestConfig, target } = event.detail;
    if (!crm.isSignedOut(xhr.responseURL)) return;
    event.detail.shouldSwap = false;
    const { verb, path, formData, elt } = requestConfig;
    if (!(await crm.signInAgain())) return crm.failed(401);
    formData.delete("csrfmiddlewaretoken");
    window.htmx.ajax(verb, path, { source: elt.isConnected ? elt : document.body, target, values: formData });
  });

  // A lost cookie: the refusal has brought a new token, so the same is sent once more; what was typed stays.
  const tried = new WeakSet();
  document.addEventListener("htmx:responseError", async (event) => {
    const { xhr, requestConfig, target } = event.detail;
    if (!crm.isOld((name) => xhr.getResponseHeader(name))) return;
    const { verb, path, formData, elt } = requestConfig;
    if (tried.delete(elt)) return crm.failed(419);
    tried.add(elt);
    formData.delete("csrfmiddlewaretoken");
    await window.htmx.ajax(verb, path, { source: elt.isConnected ? elt : document.body, target, values: formData });
    tried.delete(elt);
  });

  // A form that loads a new page cannot be repeated once it is sent, so it is asked before whether it would arrive.
  const ready = new WeakSet();
  const isTyped = (field) => field.name && field.type !== "hidden" && !field.disabled
    && (field.type === "file" ? field.files.length : ["checkbox", "radio"].includes(field.type) ? field.checked !== field.defaultChecked
      : field.tagName === "SELECT" || field.value !== field.defaultValue);
  const matters = (one) => one.method === "post" && one !== form && !crm.byHtmx(one) && !one.matches("[data-logout]") && [...one.elements].some(isTyped);

  document.addEventListener("submit", async (event) => {
    const one = event.target;
    const button = event.submitter;
    if (ready.delete(one) || (button?.matches?.("[hx-post], [hx-get]") && !one.closest("[hx-disable]")) || !matters(one)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (one.dataset.asking !== undefined) return;
    one.dataset.asking = "";
    let status = 0;
    try { status = (await fetch(dialog.dataset.sessionUrl, { cache: "no-store" })).status; } catch { /* no network */ }
    delete one.dataset.asking;
    if (status === 401 && !(await crm.signInAgain())) return crm.failed(401);
    if (!status) return crm.failed(0);
    // The question has brought the present token, should the page's own be out of date.
    const token = one.elements.csrfmiddlewaretoken;
    if (token) token.value = crm.csrf();
    ready.add(one);
    one.requestSubmit(button?.isConnected && button.form === one ? button : undefined);
  }, true);
})();
