// The board: drag, "M" and the card's menu all make the same call; whatever is refused puts the card back exactly.
(function () {
  "use strict";
  const crm = window.crm;
  const menu = document.getElementById("move-menu");
  let held = false; // A card is in the hand: nothing may be refreshed under it.
  let menuCard = null;

  // --- One move ---------------------------------------------------------------------------------------------------
  const cardOf = (element) => element.closest("[data-move-url]");
  const titleOf = (card) => card.dataset.title || card.querySelector("a")?.textContent.trim() || "";

  /** Where a card stands, so that it can go back there even when its neighbours have changed. */
  function placeOf(card) {
    return { list: card.parentElement, next: card.nextElementSibling, index: [...card.parentElement.children].indexOf(card) };
  }

  function putBack(card, place) {
    const next = place.next?.parentElement === place.list ? place.next : place.list.children[place.index] || null;
    if (next !== card) place.list.insertBefore(card, next);
  }

  async function ask(url, options, send = crm.fetch) {
    const timer = new AbortController();
    const clock = setTimeout(() => timer.abort(), 15000);
    try {
      return await send(url, { ...options, signal: timer.signal, headers: { "HX-Request": "true", "HX-Target": "dialog-body", "X-CSRFToken": crm.csrf() } });
    } finally {
      clearTimeout(clock);
    }
  }

  /** Post the move. Resolves to true when the server made it; in every other case `undo` has been called. */
  async function move(card, to, stageName, undo) {
    card.classList.add("is-moving");
    card.setAttribute("aria-busy", "true");
    try {
      const answer = await ask(card.dataset.moveUrl, {
        method: "POST",
        body: new URLSearchParams({ to, expected_stage: card.dataset.stageKey || "" }),
      });
      if (answer.ok) {
        crm.announce(crm.say(crm.text.moved, { card: titleOf(card), stage: stageName }));
        crm.passTriggers(answer.headers.get("HX-Trigger"));
        if (answer.headers.get("HX-Redirect")) location.assign(answer.headers.get("HX-Redirect"));
        return true;
      }
      undo();
      if ([409, 422].includes(answer.status)) crm.showDialog(await answer.text(), card);
      else crm.failed(answer.status, answer.headers.get("X-Request-ID"));
    } catch (error) {
      undo();
      crm.failed(error.status ?? (error.name === "AbortError" ? 408 : 0));
    } finally {
      card.classList.remove("is-moving");
      card.removeAttribute("aria-busy");
    }
    crm.announce(crm.text.moveFailed);
    return false;
  }

  async function refuse(card) {
    if (!card.dataset.refuseUrl) return;
    try {
      const answer = await ask(card.dataset.refuseUrl, {});
      if (!answer.ok) return crm.failed(answer.status, answer.headers.get("X-Request-ID"));
      crm.showDialog(await answer.text(), card);
    } catch (error) {
      crm.failed(error.status ?? (error.name === "AbortError" ? 408 : 0));
    }
  }

  /** What a menu offers besides moves: done at once, the toast takes it back. */
  async function deed(card, url) {
    const answer = await crm.post(url.replace("/0/", `/${card.dataset.card}/`), {}).catch(() => null);
    if (answer?.ok) return refreshNow(card.closest("[data-board]"));
    if (answer?.status === 422) crm.showDialog(await answer.text(), card);
    else crm.failed(answer?.status ?? 0);
  }

  /** Move by key or menu: the card jumps to the top of the column at once, and back when it may not. */
  async function moveTo(card, to, stageName) {
    const list = document.querySelector(`[data-stage="${CSS.escape(to)}"] [data-cards]`);
    const place = placeOf(card);
    if (list && list !== place.list) list.prepend(card);
    else if (list) return;
    count();
    const done = await move(card, to, stageName, () => { putBack(card, place); count(); });
    // By key the eye follows the card; by finger one goes on with the column at hand.
    if (card.isConnected) card.focus({ preventScroll: matchMedia("(pointer: coarse)").matches });
    if (done) refreshNow(card.closest("[data-board]"));
  }

  /** Column counts follow the cards until the server says the true ones. */
  function count() {
    for (const column of document.querySelectorAll(".board-col")) {
      const label = column.querySelector(".board-count");
      const shown = column.querySelectorAll("[data-card]").length;
      if (column.dataset.shown !== undefined && label) {
        const known = Number(label.textContent.replace(/\D/g, ""));
        label.textContent = String(known + shown - Number(column.dataset.shown));
      }
      column.dataset.shown = shown;
    }
  }

  // --- The "Move to…" menu ----------------------------------------------------------------------------------------
  function openMenu(card, button) {
    if (!menu || !card) return;
    menuCard = card;
    menu.crmButton = button || card;
    const here = card.closest("[data-stage]")?.dataset.stage || (card.dataset.stageKey || "").split(":").pop();
    const targets = card.closest("[data-targets]")?.dataset.targets.split(" ");
    for (const item of menu.querySelectorAll("[data-to]")) {
      const isHere = item.dataset.to === here;
      item.disabled = isHere || Boolean(targets && !targets.includes(item.dataset.to));
      item.title = !item.disabled ? "" : isHere ? crm.text.moveHere : crm.text.moveNotFrom;
    }
    for (const item of menu.querySelectorAll("[data-to-refuse]")) item.hidden = !card.dataset.refuseUrl;
    for (const item of menu.querySelectorAll("[data-deed]")) item.hidden = !card.dataset.moveUrl;
    menu.showPopover();
  }

  if (menu) {
    menu.addEventListener("click", (event) => {
      const item = event.target.closest("button");
      if (!item || !menuCard) return;
      const card = menuCard;
      menu.hidePopover();
      if (item.dataset.toRefuse !== undefined) refuse(card);
      else if (item.dataset.deed) deed(card, item.dataset.deed);
      else moveTo(card, item.dataset.to, item.dataset.stageName);
    });
    // On the document: whoever types "M 3" at one go presses the digit before the focus has reached the menu.
    document.addEventListener("keydown", (event) => {
      const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code)?.[1];
      if (!digit || !menu.matches(":popover-open")) return;
      const wanted = [...menu.querySelectorAll("button")].find((item) => item.querySelector("kbd")?.textContent === digit);
      if (wanted && !wanted.disabled && !wanted.hidden) wanted.click();
    });
    menu.addEventListener("toggle", (event) => {
      if (event.newState === "closed" && menu.contains(document.activeElement)) menuCard?.focus();
    });
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-move-open]");
    if (button) openMenu(cardOf(button), button);
  });
  document.addEventListener("keydown", (event) => {
    const card = event.target.closest?.("[data-card]");
    if (!card || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.code === "KeyM" && localStorage.getItem("crm-keys") !== "off") {
      event.preventDefault();
      openMenu(card);
    }
    if (event.target !== card) return;
    if (event.key === "Enter") card.querySelector(".board-card-title")?.click();
    if (event.key.startsWith("Arrow")) walk(card, event);
  });

  /** Arrow keys go from card to card and from column to column. */
  function walk(card, event) {
    const list = [...card.parentElement.querySelectorAll("[data-card]")];
    const at = list.indexOf(card);
    const columns = [...card.closest(".board").querySelectorAll("[data-cards]")].filter((cards) => cards.querySelector("[data-card]"));
    const column = columns.indexOf(card.parentElement);
    const aside = (step) => {
      const cards = columns[column + step]?.querySelectorAll("[data-card]");
      return cards && cards[Math.min(at, cards.length - 1)];
    };
    const next = { ArrowDown: () => list[at + 1], ArrowUp: () => list[at - 1], ArrowRight: () => aside(1), ArrowLeft: () => aside(-1) }[event.key]?.();
    if (!next) return;
    event.preventDefault();
    next.focus();
    next.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  // --- Dragging ---------------------------------------------------------------------------------------------------
  function drag(wrap) {
    const common = { group: "board", draggable: "[data-card]", delay: 350, delayOnTouchOnly: true, touchStartThreshold: 6, forceFallback: false };
    let from = null;
    for (const list of wrap.querySelectorAll("[data-cards]")) {
      if (window.Sortable.get(list)) continue;
      window.Sortable.create(list, {
        ...common, animation: 120, sort: true, filter: "button, input", preventOnFilter: false, scrollSensitivity: 60, bubbleScroll: true,
        onStart(event) {
          held = true;
          from = placeOf(event.item);
          from.next = event.item.nextElementSibling;
          wrap.classList.add("is-dragging");
        },
        onMove(event) {
          for (const box of wrap.querySelectorAll(".is-over")) box.classList.remove("is-over");
          event.to.closest(".board-col, .board-end")?.classList.add("is-over");
        },
        onEnd(event) {
          held = false;
          wrap.classList.remove("is-dragging");
          for (const box of wrap.querySelectorAll(".is-over")) box.classList.remove("is-over");
          dropped(wrap, event.item, from, event.to);
        },
      });
    }
    for (const end of wrap.querySelectorAll("[data-end], [data-end-refuse]")) {
      if (!window.Sortable.get(end)) window.Sortable.create(end, { ...common, group: { name: "board", pull: false } });
    }
  }

  async function dropped(wrap, card, from, to) {
    if (to === from.list) return putBack(card, from);
    if (to.dataset.endRefuse !== undefined) {
      putBack(card, from);
      return refuse(card);
    }
    const column = to.closest("[data-stage]");
    const goal = column?.dataset.stage || to.dataset.end;
    const name = column?.dataset.stageName || to.dataset.stageName || "";
    count();
    if (!column) putBack(card, from);
    const done = await move(card, goal, name, () => { putBack(card, from); count(); });
    if (done) refreshNow(wrap);
  }

  // --- Keeping up with the others ---------------------------------------------------------------------------------
  let lastTouch = Date.now();
  for (const name of ["pointermove", "keydown", "touchstart"]) addEventListener(name, () => { lastTouch = Date.now(); }, { passive: true });
  const occupied = () => held || document.hidden || document.querySelector("dialog[open], [popover]:popover-open:not(#toasts)") || document.querySelector(".is-moving");

  async function refresh(wrap) {
    const board = wrap.querySelector(".board");
    if (!wrap.dataset.boardUrl || !wrap.isConnected || occupied()) return;
    const url = new URL(wrap.dataset.boardUrl, location.href);
    url.searchParams.set("version", board.dataset.version || "");
    // Nobody asked for this: a session that has ended is told of when the person does something.
    const answer = await ask(url, {}, window.fetch.bind(window)).catch(() => null);
    if (!answer || !answer.ok || answer.status === 204 || answer.redirected || occupied()) return;
    const holder = document.createElement("template");
    holder.innerHTML = await answer.text();
    const fresh = holder.content.querySelector(".board");
    if (fresh && !occupied()) swap(wrap, board, fresh);
  }

  /** Replace the columns without moving what the person looks at. */
  function swap(wrap, board, fresh) {
    const left = board.scrollLeft;
    const tops = new Map([...board.querySelectorAll(".board-col")].map((column) => [column.id, column.querySelector("[data-cards]").scrollTop]));
    const focused = document.activeElement?.closest?.("[data-card]")?.id;
    const inside = document.activeElement?.matches?.("[data-move-open]");
    for (const column of board.querySelectorAll(".board-col")) keepDeeper(column, fresh);
    board.replaceWith(fresh);
    fresh.scrollLeft = left;
    for (const [id, top] of tops) {
      const list = document.getElementById(id)?.querySelector("[data-cards]");
      if (list) list.scrollTop = top;
    }
    const again = focused && document.getElementById(focused);
    if (again) (inside ? again.querySelector("[data-move-open]") : again)?.focus({ preventScroll: true });
    window.htmx.process(fresh);
    ready(wrap);
  }

  /** Whoever has scrolled far down a long column keeps the cards that were fetched on the way. */
  function keepDeeper(column, fresh) {
    const list = fresh.querySelector(`#${CSS.escape(column.id)} [data-cards]`);
    const more = list?.querySelector(".board-more");
    const shown = [...column.querySelectorAll("[data-card]")];
    const size = list?.querySelectorAll("[data-card]").length;
    if (!more || shown.length <= size) return;
    const extra = shown.slice(size).filter((card) => !fresh.querySelector(`#${CSS.escape(card.id)}`));
    more.replaceWith(...extra, ...column.querySelectorAll(".board-more"));
  }

  function refreshNow(wrap) {
    if (wrap) refresh(wrap);
  }

  function keepFresh(wrap) {
    const tick = async () => {
      if (!wrap.isConnected) return;
      await refresh(wrap);
      setTimeout(tick, Date.now() - lastTouch < 30000 ? 3000 : 60000);
    };
    setTimeout(tick, 3000);
    const soon = () => setTimeout(() => refresh(wrap), 50);
    for (const name of ["recordChanged", "leadChanged", "dealChanged"]) document.body.addEventListener(name, soon);
    document.getElementById("dialog")?.addEventListener("close", soon);
    document.addEventListener("visibilitychange", soon);
  }

  // --- One column at a time on a phone ----------------------------------------------------------------------------
  const LAST = `crm-column:${location.pathname}`;
  function remember(code) {
    try { sessionStorage.setItem(LAST, code); } catch { /* a browser that keeps nothing opens the first one */ }
  }

  /** To an absolute place: a scroll by a distance stops at the next column (scroll-snap-stop). */
  function showColumn(board, column, behavior) {
    const way = column.getBoundingClientRect().left - board.getBoundingClientRect().left - 12;
    board.scrollTo({ left: board.scrollLeft + way, behavior });
  }

  /** Open the column that was looked at last, else the first that holds anything: not an empty one. */
  function openColumn(wrap) {
    const board = wrap.querySelector(".board");
    if (!wrap.querySelector("[data-board-tab]")?.offsetParent || board.scrollLeft) return;
    let last = "";
    try { last = sessionStorage.getItem(LAST) || ""; } catch { /* as above */ }
    const full = [...board.querySelectorAll(".board-col:has([data-card])")];
    const column = full.find((one) => one.dataset.stage === last) || full[0];
    if (column) showColumn(board, column, "instant");
  }

  function tabs(wrap) {
    const board = wrap.querySelector(".board");
    const all = [...wrap.querySelectorAll("[data-board-tab]")];
    const counts = () => {
      for (const tab of all) {
        const label = wrap.querySelector(`[data-stage="${CSS.escape(tab.dataset.boardTab)}"] .board-count`);
        if (label) tab.querySelector(".num").textContent = label.textContent;
      }
    };
    const watch = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        for (const tab of all) {
          const on = tab.dataset.boardTab === entry.target.dataset.stage;
          tab.setAttribute("aria-selected", String(on));
          if (on && tab.offsetParent) remember(tab.dataset.boardTab);
          if (on && tab.offsetParent) tab.parentElement.scrollTo({ left: tab.offsetLeft - 60 });
        }
      }
    }, { root: board, threshold: 0.6 });
    for (const column of board.querySelectorAll(".board-col")) watch.observe(column);
    counts();
  }

  document.addEventListener("click", (event) => {
    const tab = event.target.closest("[data-board-tab]");
    if (!tab) return;
    const column = document.getElementById(`col-${tab.dataset.boardTab}`);
    const board = column?.closest(".board");
    if (board) showColumn(board, column, "smooth");
  });

  function ready(wrap) {
    for (const column of wrap.querySelectorAll(".board-col")) delete column.dataset.shown;
    count();
    tabs(wrap);
    drag(wrap);
  }

  document.addEventListener("htmx:afterSwap", (event) => {
    // Further cards were appended to a column: the counts already include them.
    const column = event.detail.target.closest?.(".board-col") || document.querySelector(".board-col:has(.board-more)");
    if (column) for (const one of document.querySelectorAll(".board-col")) one.dataset.shown = one.querySelectorAll("[data-card]").length;
  });

  crm.part("[data-board]", async (wrap) => {
    openColumn(wrap);
    await crm.load(crm.assets.sortable).catch(() => {});
    if (window.Sortable) ready(wrap);
    keepFresh(wrap);
  });
})();
