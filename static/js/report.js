// Charts. The figures come as JSON beside the canvas, the table next to it says the same; a bar leads to its list.
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

  const token = (name) => {
    const probe = crm.element("span");
    probe.className = "visually-hidden";
    probe.style.setProperty("color", `var(${name})`);
    document.body.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  };

  function options(data) {
    const flat = data.type === "hbar";
    const show = (value) => (FORMATS[data.format] || FORMATS.number).format(value);
    const ink = token("--ink-2");
    const line = token("--line");
    const values = { beginAtZero: true, stacked: data.type === "stacked", grid: { color: line }, border: { display: false }, ticks: { color: ink, maxTicksLimit: 6, callback: (value) => (data.format === "percent" ? show(value) : SHORT.format(value)) } };
    const names = { stacked: data.type === "stacked", grid: { display: false }, border: { color: line }, ticks: { color: ink, autoSkip: !flat, callback(value) { const label = String(this.getLabelForValue(value)); return label.length > 26 ? `${label.slice(0, 25)}…` : label; } } };
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
          return { label: series.label, data: series.values, backgroundColor: colour, borderColor: colour, borderRadius: line ? 0 : 4, maxBarThickness: 34, borderWidth: line ? 2 : 0, pointRadius: line ? 2 : 0, tension: 0.25 };
        }),
      },
      options: options(data),
    }));
  }

  const drawn = new Set();
  crm.part("[data-chart]", async (box) => {
    await crm.load(crm.assets.chart).catch(() => {});
    if (!window.Chart) return;
    window.Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    window.Chart.defaults.font.size = 12;
    drawn.add(box);
    draw(box);
  });
  document.addEventListener("crm:theme", () => drawn.forEach((box) => box.isConnected && draw(box)));
  addEventListener("beforeprint", () => charts.forEach((chart) => chart.resize()));
})();
