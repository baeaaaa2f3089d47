// Search-as-you-type in a select: nothing is embedded in the page, the server finds by the first letters or digits.
(function () {
  "use strict";
  const crm = window.crm;

  async function find(select, query) {
    const url = new URL(select.dataset.autocompleteUrl, location.href);
    url.searchParams.set("q", query);
    const answer = await crm.fetch(url, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw Object.assign(new Error(url), { status: answer.status });
    const found = await answer.json();
    return found.results ?? found;
  }

  /** Keep the list beside its box and inside the window: neither a dialog nor a scrolling table cuts it then. */
  function keepInSight(chooser) {
    chooser.positionDropdown = () => {
      const at = chooser.control.getBoundingClientRect();
      const { dropdown } = chooser;
      const put = (name, value) => dropdown.style.setProperty(name, value);
      put("position", "fixed");
      put("width", `${at.width}px`);
      put("left", `${at.left}px`);
      const below = at.bottom + dropdown.offsetHeight + 8 <= innerHeight || at.top < innerHeight / 2;
      put("top", below ? `${at.bottom}px` : "auto");
      put("bottom", below ? "auto" : `${innerHeight - at.top + 4}px`);
    };
    const follow = () => chooser.isOpen && chooser.positionDropdown();
    chooser.on("dropdown_open", () => { follow(); document.addEventListener("scroll", follow, true); });
    chooser.on("dropdown_close", () => document.removeEventListener("scroll", follow, true));
    chooser.on("load", () => requestAnimationFrame(follow));
  }

  const row = (item, escape) => `<div>${escape(item.text)}${item.note ? `<small>${escape(item.note)}</small>` : ""}</div>`;

  crm.part("select[data-autocomplete-url]", async (select) => {
    await Promise.all([crm.load(crm.assets.tomSelect), crm.load(crm.assets.tomSelectCss)]).catch(() => {});
    if (!window.TomSelect || select.tomselect) return;
    const label = select.labels?.[0]?.textContent.trim();
    const isNew = select.dataset.autocompleteNew !== undefined;
    const isTag = select.dataset.autocompleteUrl?.includes("/tags/");
    const focused = document.activeElement === select;
    const chooser = new window.TomSelect(select, {
      valueField: "id",
      labelField: "text",
      // The server has searched: what it found is shown as it is. Tags are few and alike: what does not hold the word typed
      // since is put aside at once, or Enter would take an old suggestion for the new word.
      searchField: isTag ? ["text"] : [],
      placeholder: select.dataset.placeholder || crm.text.startTyping,
      preload: select.dataset.preload === undefined ? false : "focus",
      loadThrottle: 200,
      maxOptions: 50,
      closeAfterSelect: !select.multiple,
      hidePlaceholder: true,
      plugins: select.multiple ? { remove_button: { title: crm.text.clear } } : { clear_button: { title: crm.text.clear } },
      shouldLoad: (query) => query.length >= Number(select.dataset.minimum || 1),
      load(query, done) {
        this.clearOptions((option) => this.items.includes(String(option.id)));
        find(select, query).then(done, (error) => { crm.failed(error.status || 0); done(); });
      },
      ...(isTag ? {} : { score: () => () => 1 }),
      // A word that is on no list yet is taken as it is (tags), or made by the server.
      create: isNew ? (text, done) => done({ id: text.trim(), text: text.trim() }) : select.dataset.createUrl ? (text, done) => make(select, text, done) : false,
      render: {
        option: row,
        // Beside the offer to add the word there is nothing to regret; a tag has no digits of a phone.
        no_results: () => isNew ? null : `<div class="no-results">${isTag ? crm.text.noSuch : crm.text.nothingFound}</div>`,
        loading: () => `<div class="no-results">${crm.text.searching}</div>`,
        option_create: (data, escape) => `<div class="create">${escape(crm.say(crm.text.create, { text: data.input }))}</div>`,
      },
    });
    keepInSight(chooser);
    // The native select is only the store now: screen readers get the box beside it.
    select.setAttribute("aria-hidden", "true");
    if (label) chooser.control_input.setAttribute("aria-label", label);
    if (focused) chooser.focus(); // The dialog put the focus on the select before this box took its place.
    const described = select.getAttribute("aria-describedby");
    if (described) chooser.control_input.setAttribute("aria-describedby", described);
  });

  // Several of a long list that is in the page already: found by any part of the name, shown as chips.
  crm.part("select[data-choose]", async (select) => {
    await Promise.all([crm.load(crm.assets.tomSelect), crm.load(crm.assets.tomSelectCss)]).catch(() => {});
    if (!window.TomSelect || select.tomselect) return;
    const label = select.labels?.[0]?.textContent.trim();
    const focused = document.activeElement === select;
    const chooser = new window.TomSelect(select, {
      placeholder: select.dataset.placeholder || "",
      hidePlaceholder: true,
      maxOptions: null,
      refreshThrottle: 0, // Enter right after the last letter must take what was typed.
      plugins: { remove_button: { title: crm.text.clear } },
      render: { no_results: () => `<div class="no-results">${crm.text.noSuch}</div>` },
    });
    keepInSight(chooser);
    select.setAttribute("aria-hidden", "true");
    if (label) chooser.control_input.setAttribute("aria-label", label);
    if (focused) chooser.focus(); // The dialog put the focus on the select before this box took its place.
  });

  async function make(select, text, done) {
    const answer = await crm.post(select.dataset.createUrl, { text }).catch(() => null);
    if (!answer?.ok) {
      crm.failed(answer?.status ?? 0);
      return done();
    }
    done(await answer.json());
  }
})();
