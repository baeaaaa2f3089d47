// The calendar beside a field for a day: weeks from Monday, in the language of the page, by mouse, finger and keys.
(function () {
  "use strict";
  const crm = window.crm;
  const lang = document.documentElement.lang || "ru";
  const MONTH = new Intl.DateTimeFormat(lang, { month: "long", year: "numeric", timeZone: "UTC" });
  const WEEKDAY = new Intl.DateTimeFormat(lang, { weekday: "short", timeZone: "UTC" });
  const FULL = new Intl.DateTimeFormat(lang, { day: "numeric", month: "long", year: "numeric", weekday: "long", timeZone: "UTC" });

  // Days are reckoned in UTC, where each has 24 hours.
  const day = (year, month, date) => new Date(Date.UTC(year, month, date));
  const later = (from, days) => day(from.getUTCFullYear(), from.getUTCMonth(), from.getUTCDate() + days);
  const monday = (of) => later(of, -((of.getUTCDay() + 6) % 7));
  const same = (one, other) => one.getTime() === other.getTime();
  const written = (of) => of.toISOString().slice(0, 10).split("-").reverse().join(".");

  /** The same day of another month, or its last one. */
  function monthLater(from, months) {
    const last = day(from.getUTCFullYear(), from.getUTCMonth() + months + 1, 0);
    return day(last.getUTCFullYear(), last.getUTCMonth(), Math.min(from.getUTCDate(), last.getUTCDate()));
  }

  function today() {
    const now = new Date();
    return day(now.getFullYear(), now.getMonth(), now.getDate());
  }

  function read(text) {
    const iso = /^\s*(\d{4})-(\d{1,2})-(\d{1,2})/.exec(text);
    const ours = /^\s*(\d{1,2})[./](\d{1,2})[./](\d{4})/.exec(text);
    if (iso) return day(+iso[1], iso[2] - 1, +iso[3]);
    return ours ? day(+ours[3], ours[2] - 1, +ours[1]) : null;
  }

  function button(css, label, icon) {
    const made = crm.element("button", css);
    made.type = "button";
    made.setAttribute("aria-label", label);
    if (icon) made.append(crm.icon(icon));
    return made;
  }

  crm.part("[data-day-open]", (opener) => {
    const field = opener.parentElement.querySelector("[data-day]");
    const box = crm.element("div", "menu-pop day-calendar");
    let at = null; // the day that has the focus

    function draw() {
      const chosen = read(field.value);
      const head = crm.element("div", "day-head");
      const back = button("btn-icon", crm.text.monthBack, "chevron-left");
      const forth = button("btn-icon", crm.text.monthForth, "chevron-right");
      const name = crm.element("strong", "", MONTH.format(at).replace(" г.", ""));
      name.setAttribute("aria-live", "polite");
      back.addEventListener("click", () => turn(-1, ".day-head button:first-child"));
      forth.addEventListener("click", () => turn(1, ".day-head button:last-child"));
      head.append(back, name, forth);
      const table = crm.element("table", "day-table");
      const names = table.createTHead().insertRow();
      const first = monday(day(at.getUTCFullYear(), at.getUTCMonth(), 1));
      for (let number = 0; number < 7; number += 1) {
        const column = crm.element("th", "", WEEKDAY.format(later(first, number)));
        column.scope = "col";
        names.append(column);
      }
      const body = table.createTBody();
      for (let start = first; start.getUTCMonth() === at.getUTCMonth() || start <= first; start = later(start, 7)) week(body.insertRow(), start, chosen);
      box.replaceChildren(head, table);
    }

    function week(row, start, chosen) {
      for (let number = 0; number < 7; number += 1) {
        const of = later(start, number);
        const one = button("day-one", FULL.format(of));
        one.textContent = of.getUTCDate();
        one.tabIndex = same(of, at) ? 0 : -1;
        one.classList.toggle("is-other", of.getUTCMonth() !== at.getUTCMonth());
        one.classList.toggle("is-today", same(of, today()));
        if (chosen && same(of, chosen)) one.setAttribute("aria-pressed", "true");
        one.addEventListener("click", () => choose(of));
        row.insertCell().append(one);
      }
    }

    const focus = () => box.querySelector(".day-one[tabindex='0']")?.focus();

    function turn(months, selector) {
      at = monthLater(at, months);
      draw();
      box.querySelector(selector).focus();
    }

    function choose(of) {
      const time = field.dataset.day === "moment" ? ` ${/\d{1,2}:\d{2}/.exec(field.value)?.[0] || "10:00"}` : "";
      field.value = written(of) + time;
      box.hidePopover();
      field.focus();
      for (const name of ["input", "change"]) field.dispatchEvent(new Event(name, { bubbles: true }));
    }

    function keys(event) {
      const column = (at.getUTCDay() + 6) % 7;
      const to = {
        ArrowLeft: () => later(at, -1), ArrowRight: () => later(at, 1), ArrowUp: () => later(at, -7), ArrowDown: () => later(at, 7),
        Home: () => later(at, -column), End: () => later(at, 6 - column), PageUp: () => monthLater(at, -1), PageDown: () => monthLater(at, 1),
      }[event.key];
      event.stopPropagation(); // not for the menu, the cell or the dialog around it
      if (!to || !event.target.matches(".day-one")) return;
      event.preventDefault();
      at = to();
      draw();
      focus();
    }

    box.popover = "auto";
    box.setAttribute("role", "dialog");
    box.setAttribute("aria-label", opener.getAttribute("aria-label"));
    box.crmButton = opener;
    opener.after(box);
    opener.popoverTargetElement = box;
    box.addEventListener("keydown", keys);
    box.addEventListener("beforetoggle", (event) => {
      if (event.newState !== "open") return;
      const given = read(field.value);
      at = given && !Number.isNaN(given.getTime()) ? given : today();
      draw();
    });
    box.addEventListener("toggle", (event) => event.newState === "open" && focus());
    field.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowDown" || !event.altKey) return;
      event.preventDefault();
      box.showPopover();
    });
  });
})();
