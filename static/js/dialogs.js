// Dialogs filled by htmx, and menus that are native popovers placed beside their button.
(function () {
  "use strict";
  const crm = window.crm;
  const dialog = document.getElementById("dialog");
  const body = document.getElementById("dialog-body");
  let opener = null;

  // --- Dialog -----------------------------------------------------------------------------------------------------
  function firstField() {
    const wrong = body.querySelector("[data-error-summary]");
    if (wrong) return wrong;
    return body.querySelector("[autofocus]")
      || body.querySelector(".dialog-main :is(input:not([type=hidden], [disabled]), select, textarea)")
      || body.querySelector(".dialog-foot :is(.btn-primary, .btn-danger, .btn)");
  }

  function open() {
    // What was told before stays behind the dialog; once it is closed it can be taken back again.
    if (!dialog.open) dialog.showModal();
    (firstField() || dialog).focus({ preventScroll: false });
  }

  function close() {
    if (dialog?.open) dialog.close();
  }
  crm.closeDialog = close;

  /** Remember where focus has to go when the dialog is done. */
  crm.dialogFrom = function (element) {
    const menu = element?.closest?.("[popover]");
    opener = (menu && document.querySelector(`[popovertarget="${menu.id}"]`)) || element || document.activeElement;
    if (menu?.matches(":popover-open") && menu.id !== "sidebar") menu.hidePopover();
  };

  /** Show HTML that came by fetch. */
  crm.showDialog = function (html, from) {
    crm.dialogFrom(from);
    body.innerHTML = html;
    window.htmx.process(body);
    crm.enliven(body);
    open();
  };

  function giveBackFocus() {
    const marked = document.querySelector("[data-back-focus]");
    const again = opener?.isConnected ? opener : opener?.id && document.getElementById(opener.id);
    (again || marked || document.getElementById("content"))?.focus({ preventScroll: true });
    opener = null;
  }

  function isDirty() {
    return [...body.querySelectorAll("input, textarea, select")].some((field) => {
      if (field.type === "hidden" || field.disabled) return false;
      if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
      if (field.tagName === "SELECT") return [...field.options].some((option) => option.selected !== option.defaultSelected && option.value !== field.dataset.first && option.defaultSelected);
      return field.value !== field.defaultValue;
    });
  }

  if (dialog) {
    document.addEventListener("htmx:beforeRequest", (event) => {
      const { elt, target } = event.detail;
      if (target === body && !dialog.contains(elt)) crm.dialogFrom(elt);
    });
    document.addEventListener("htmx:afterSwap", (event) => {
      if (event.detail.target !== body) return;
      if (body.childElementCount) open();
      else close();
    });
    document.body.addEventListener("closeDialog", close);
    dialog.addEventListener("close", () => {
      crm.raiseToasts();
      body.replaceChildren();
      giveBackFocus();
    });
    // A click beside the dialog closes it, unless something was typed into it.
    let pressedOutside = false;
    dialog.addEventListener("pointerdown", (event) => { pressedOutside = event.target === dialog; });
    dialog.addEventListener("click", (event) => {
      if (pressedOutside && event.target === dialog && !isDirty()) close();
    });
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-dialog-close]");
    const owner = button?.closest("dialog");
    if (!owner) return;
    event.preventDefault();
    owner.close();
  });

  // --- Menus ------------------------------------------------------------------------------------------------------
  const GAP = 4;

  /** Put an open menu beside its button and inside the window. */
  crm.placeMenu = function (menu, button) {
    const at = button.getBoundingClientRect();
    const size = menu.getBoundingClientRect();
    const left = Math.max(8, Math.min(at.right - size.width, innerWidth - size.width - 8));
    const start = at.left + size.width <= innerWidth - 8 && at.left < innerWidth / 2 ? at.left : left;
    const below = at.bottom + GAP;
    const top = below + size.height <= innerHeight - 8 ? below : Math.max(8, at.top - GAP - size.height);
    menu.style.setProperty("left", `${Math.round(start)}px`);
    menu.style.setProperty("top", `${Math.round(top)}px`);
  };

  document.addEventListener("toggle", (event) => {
    const menu = event.target;
    if (!(menu instanceof HTMLElement) || !menu.classList.contains("menu-pop")) return;
    const button = menu.crmButton || document.querySelector(`[popovertarget="${menu.id}"]`);
    button?.setAttribute("aria-expanded", String(event.newState === "open"));
    if (event.newState !== "open") return;
    if (button) crm.placeMenu(menu, button);
    menu.querySelector("a, button:not([disabled])")?.focus({ preventScroll: true });
  }, true);

  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest?.(".menu-pop");
    if (!menu || !["ArrowDown", "ArrowUp", "Home", "End"].includes(event.key)) return;
    const items = [...menu.querySelectorAll("a, button:not([disabled])")].filter((item) => item.offsetParent !== null);
    const at = items.indexOf(document.activeElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    event.preventDefault();
    items[(next + items.length) % items.length]?.focus();
  });

  document.addEventListener("click", (event) => {
    const item = event.target.closest("[data-close-popover], .menu-pop a[hx-get], .menu-pop a[hx-post]");
    const menu = item?.closest("[popover]");
    if (menu?.matches(":popover-open")) setTimeout(() => menu.matches(":popover-open") && menu.hidePopover(), 0);
  });
  for (const button of document.querySelectorAll("[popovertarget][data-menu]")) {
    button.setAttribute("aria-haspopup", "true");
    button.setAttribute("aria-expanded", "false");
  }
})();
