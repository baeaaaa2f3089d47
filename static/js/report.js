// Charts. The figures come as JSON beside the canvas, the table next to it says the same; a bar leads to its list.
// Series differ by pattern as well as by colour; with the keyboard one goes along the bars and opens the list of one.
(function () {
  "use strict";
  const crm = window.crm;
  const PALETTE = { gray: "#7a7f87", blue: "#2f6fde", azure: "#1c8fd6", indigo: "#4f5bd5", purple: "#9340c8", pink: "#d0397f", red: "#d13a3a", orange: "#dd6a1b", yellow: "#c99300", lime: "#6a9c13", green: "#23934e", teal: "#0c8f83", cyan: "#138aa6" };
  const ORDER = ["blue", "teal", "orange", "purple", "green", "pink", "azure", "red", "lime", "gray"];
  const lang = document.documentElement.lang || "ru";
  const charts = new Map();

  const FORMATS = {
    number: new Intl.NumberFormat(lang, { maximumFractionDigits: 1 }),
    money: new Intl.NumberFormat(lang, { style: "currency", currency: "RUB", maximumFractionDigits: 0 }),
    percent: new Intl.NumberFormat(lang, { style: "percent", maximumFractionDigits: 1 }),
  };
  const SHORT = new Intl.NumberFormat(lang, { notation: "compact", maximumFractionDigits: 1 });

  // A name too long for its place goes on in a second and third line; a finger's width of letters each.
  function lines(text, most) {
    const found = [""];
    for (const word of text.split(" ")) {
      const longer = `${found.at(-1)} ${word}`.trim();
      if (longer.length <= most || !found.at(-1)) found[found.length - 1] = longer;
      else found.push(word);
    }
    const shown = found.slice(0, 3).map((line) => (line.length > most + 6 ? `${line.slice(0, most + 5)}…` : line));
    return shown.length > 1 ? shown : shown[0];
  }

  // What tells series apart without colour: plain, then slanted lines, dots, crossed lines, lines the other way.
  const PATTERNS = [
    null,
    (pen) => { pen.moveTo(-2, 10); pen.lineTo(10, -2); },
    (pen) => { pen.arc(4, 4, 1.5, 0, 7); },
    (pen) => { pen.moveTo(4, 0); pen.lineTo(4, 8); pen.moveTo(0, 4); pen.lineTo(8, 4); },
    (pen) => { pen.moveTo(-2, -2); pen.lineTo(10, 10); },
    (pen) => { pen.moveTo(0, 4); pen.lineTo(8, 4); },
  ];
  const DASHES = [[], [6, 4], [2, 3], [10, 4, 2, 4]];
  const POINTS = ["circle", "triangle", "rect", "rectRot", "cross", "star"];

  function patterned(colour, index) {
    const drawn = PATTERNS[index % PATTERNS.length];
    if (!drawn) return colour;
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8;
    const pen = tile.getContext("2d");
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 8, 8);
    pen.strokeStyle = "rgb(255 255 255 / 0.85)";
    pen.lineWidth = 1.5;
    pen.beginPath();
    drawn(pen);
    pen.stroke();
    return pen.createPattern(tile, "repeat");
  }

  const token = (name) => {
    const probe = crm.element("span");
    probe.className = "visually-hidden";
    probe.style.setProperty("color", `var(${name})`);
    document.body.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  };

  const shower = (data) => (value) => (FORMATS[data.format] || FORMATS.number).format(value);

  function options(data) {
    const flat = data.type === "hbar";
    const show = shower(data);
    const ink = token("--ink-2");
    const line = token("--line");
    const values = { beginAtZero: true, stacked: data.type === "stacked", grid: { color: line }, border: { display: false }, ticks: { color: ink, maxTicksLimit: innerWidth < 480 ? 4 : 6, callback: (value) => (data.format === "percent" ? show(value) : SHORT.format(value)) } };
    const names = { stacked: data.type === "stacked", grid: { display: false }, border: { color: line }, ticks: { color: ink, autoSkip: !flat, callback(value) { return lines(String(this.getLabelForValue(value)), flat ? (this.chart.width < 480 ? 14 : 26) : 12); } } };
    return {
      indexAxis: flat ? "y" : "x",
      maintainAspectRatio: false,
      animation: matchMedia("(prefers-reduced-motion: reduce)").matches ? false : { duration: 200 },
      interaction: { mode: "index", intersect: false, axis: flat ? "y" : "x" },
      scales: flat ? { x: values, y: names } : { x: names, y: values },
      plugins: {
        legend: { display: data.series.length > 1, position: "bottom", labels: { color: ink, boxWidth: 12, boxHeight: 12, useBorderRadius: true, borderRadius: 3 } },
        tooltip: { callbacks: { label: (item) => `${item.dataset.label ? `${item.dataset.label}: ` : ""}${show(flat ? item.parsed.x : item.parsed.y)}` } },
      },
      onClick: (_event, hits) => {
        const url = hits.length && data.urls?.[hits[0].index];
        if (url) location.assign(url);
      },
      onHover: (event, hits) => event.native?.target.classList.toggle("is-link", Boolean(hits.length && data.urls)),
    };
  }

  function colourOf(series, index, data) {
    const one = (name) => PALETTE[name] || PALETTE[ORDER[index % ORDER.length]];
    if (Array.isArray(series.colour)) return series.colour.map(one);
    if (data.colours && data.series.length === 1) return data.colours.map(one);
    return one(series.colour);
  }

  function draw(box) {
    const data = JSON.parse(document.getElementById(box.dataset.chart).textContent);
    const line = data.type === "line";
    charts.get(box)?.destroy();
    charts.set(box, new window.Chart(box.querySelector("canvas"), {
      type: line ? "line" : "bar",
      data: {
        labels: data.labels,
        datasets: data.series.map((series, index) => {
          const colour = colourOf(series, index, data);
          const fill = Array.isArray(colour) ? colour : patterned(colour, line ? 0 : index);
          return { label: series.label, data: series.values, backgroundColor: fill, borderColor: colour, borderRadius: line ? 0 : 4, maxBarThickness: 34, borderWidth: line ? 2 : 0, borderDash: line ? DASHES[index % DASHES.length] : [], pointStyle: POINTS[index % POINTS.length], pointRadius: line ? 4 : 0, tension: 0.25 };
        }),
      },
      options: options(data),
    }));
  }

  // With the arrows one goes from bar to bar: it is lit up and read out; Enter opens the list behind it.
  function walkable(box) {
    const data = JSON.parse(document.getElementById(box.dataset.chart).textContent);
    const show = shower(data);
    const voice = crm.element("p");
    voice.className = "visually-hidden";
    voice.setAttribute("aria-live", "polite");
    box.append(voice);
    let at = -1;
    box.tabIndex = 0;
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", box.dataset.keys);
    const light = () => {
      const chart = charts.get(box);
      const hits = at < 0 ? [] : data.series.map((_series, datasetIndex) => ({ datasetIndex, index: at }));
      const bar = hits.length && chart.getDatasetMeta(0).data[at];
      chart.setActiveElements(hits);
      chart.tooltip.setActiveElements(hits, bar ? { x: bar.x, y: bar.y } : { x: 0, y: 0 });
      chart.update("none");
      voice.textContent = at < 0 ? "" : `${data.labels[at]}: ${data.series.map((series) => `${data.series.length > 1 ? `${series.label} ` : ""}${show(series.values[at])}`).join(", ")}`;
    };
    box.addEventListener("keydown", (event) => {
      const last = data.labels.length - 1;
      const next = { ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1, Home: 0, End: last }[event.key];
      if (next !== undefined && last >= 0) {
        event.preventDefault();
        at = Math.min(Math.max(next, 0), last);
        light();
      } else if (event.key === "Enter" && data.urls?.[at]) location.assign(data.urls[at]);
    });
    box.addEventListener("blur", () => { at = -1; light(); });
  }

  const drawn = new Set();
  crm.part("[data-chart]", async (box) => {
    await crm.load(crm.assets.chart).catch(() => {});
    if (!window.Chart) return;
    window.Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    window.Chart.defaults.font.size = 12;
    drawn.add(box);
    draw(box);
    walkable(box);
  });
  document.addEventListener("crm:theme", () => drawn.forEach((box) => box.isConnected && draw(box)));
  // A sheet is as wide as the style says, whatever the window: the picture is drawn for it and then for the window again.
  addEventListener("beforeprint", () => charts.forEach((chart) => chart.resize(700, Math.min(chart.height, 270))));
  addEventListener("afterprint", () => charts.forEach((chart) => chart.resize()));
})();
