// Three charts, one line for each arm, drawn by Vega-Lite; a legend above them that shows and hides arms.
import { element } from "./poll.js";

// Okabe and Ito's colours, which colour-blind people can distinguish too.
const COLORS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8a6fd1", "#7f7f7f"];
const CHARTS = [
  ["rate_rps", "throughput, requests/s"],
  ["p50_ms", "p50, ms"],
  ["p99_ms", "p99, ms"],
];
const LONGEST_GAP_S = 3;

let library;
function loadLibrary() {
  library ??= new Promise((resolve, reject) => {
    const script = element("script", { src: "./side-by-side/charts.js", onload: () => resolve(window.vegaEmbed), onerror: reject });
    document.head.append(script);
  });
  return library;
}

function isDark(place) {
  const [red, green, blue] = getComputedStyle(place).color.match(/\d+/g).map(Number);
  return red + green + blue > 384; // light ink
}

function spec(title, ink) {
  const axis = { grid: true, gridColor: ink, gridOpacity: 0.12, labelColor: ink, titleColor: ink, domainColor: ink, tickColor: ink };
  return {
    width: "container",
    height: 190,
    background: null,
    autosize: { type: "fit", contains: "padding", resize: true },
    config: { view: { stroke: null }, font: "system-ui, sans-serif" },
    title: { text: title, anchor: "start", color: ink, fontSize: 13 },
    layer: [
      {
        data: { name: "seconds" },
        mark: { type: "line", strokeWidth: 2, clip: true, point: { size: 12 } },
        encoding: {
          x: { field: "at", type: "temporal", axis: { ...axis, title: null, format: "%H:%M:%S", tickCount: 4, labelOverlap: "greedy" } },
          y: { field: "value", type: "quantitative", axis: { ...axis, title: null, tickCount: 5 }, scale: { zero: true, nice: 4 } },
          color: { field: "color", type: "nominal", scale: null, legend: null },
          detail: { field: "stretch" },
          tooltip: [
            { field: "name", title: "line" },
            { field: "value", format: ",.3~r" },
            { field: "at", type: "temporal", format: "%H:%M:%S" },
          ],
        },
      },
      {
        data: { name: "marks" },
        mark: { type: "rule", strokeDash: [4, 3], color: ink, opacity: 0.6 },
        encoding: {
          x: { field: "at", type: "temporal" },
          tooltip: [{ field: "text", title: "change" }],
        },
      },
    ],
  };
}

function rowsOf(charts, key, hidden, color) {
  const rows = [];
  for (const line of charts.lines) {
    if (hidden.has(nameOf(line))) continue;
    let stretch = 0;
    let before = null;
    charts.at_s.forEach((at, place) => {
      const value = line[key][place];
      if (value === null) return;
      if (before !== null && at - before > LONGEST_GAP_S) stretch += 1;
      before = at;
      rows.push({ at: at * 1000, value, color: color(line), name: nameOf(line), stretch: `${nameOf(line)} ${stretch}` });
    });
  }
  return rows;
}

function nameOf(line) {
  return `${line.arm} (${line.scenario})`;
}

export function makeCharts() {
  const legend = element("div", { className: "sbs-legend", role: "group" });
  legend.setAttribute("aria-label", "Lines: click to hide or show");
  const marks = element("ol", { className: "sbs-marks" });
  const places = CHARTS.map(([key]) => element("div", { className: "sbs-chart", id: `sbs-chart-${key}` }));
  const grid = element("div", { className: "sbs-charts" }, ...places);
  const all = element("div", {}, legend, grid, marks);
  const hidden = new Set();
  let order = [];
  let views = null;
  let making = null;
  let ink = "";
  let latest = null;

  function color(line) {
    const place = order.indexOf(nameOf(line));
    return COLORS[(place < 0 ? 0 : place) % COLORS.length];
  }

  // Once, and again when the theme has changed; responses that come meanwhile wait for it.
  async function ready() {
    const now = isDark(all) ? "#e6e6e6" : "#333333";
    if (ink === now) return making;
    ink = now;
    making = loadLibrary().then(async (embed) => {
      const options = { actions: false, renderer: "canvas", logLevel: 1 }; // errors alone
      const made = await Promise.all(CHARTS.map(([, title], place) => embed(places[place], spec(title, now), options)));
      views?.forEach((view) => view.finalize());
      views = made.map((one) => one.view);
    });
    return making;
  }

  function showLegend(lines) {
    const names = lines.map(nameOf);
    if (legend.dataset.names === names.join("\n")) return;
    legend.dataset.names = names.join("\n");
    legend.replaceChildren(
      ...lines.map((line) => {
        const swatch = element("span", { className: "sbs-swatch" });
        swatch.style.background = color(line);
        const button = element("button", { type: "button" }, swatch, nameOf(line));
        button.setAttribute("aria-pressed", String(!hidden.has(nameOf(line))));
        button.addEventListener("click", () => {
          if (!hidden.delete(nameOf(line))) hidden.add(nameOf(line));
          button.setAttribute("aria-pressed", String(!hidden.has(nameOf(line))));
          draw();
        });
        return button;
      }),
    );
  }

  function draw() {
    if (!views || !latest) return;
    const changes = latest.marks.map((mark) => ({ at: mark.at_s * 1000, text: mark.text }));
    views.forEach((view, place) => {
      view.data("seconds", rowsOf(latest, CHARTS[place][0], hidden, color)).data("marks", changes).runAsync();
    });
  }

  return {
    element: all,
    color,
    async show(state) {
      latest = state.charts;
      const lines = [...latest.lines].sort((one, other) => state.arms.indexOf(one.arm) - state.arms.indexOf(other.arm));
      for (const line of [...state.rows, ...lines]) if (!order.includes(nameOf(line))) order.push(nameOf(line));
      all.hidden = lines.length === 0;
      if (all.hidden) return;
      showLegend(lines);
      marks.replaceChildren(...latest.marks.slice(-6).map((mark) => element("li", {}, element("time", {}, new Date(mark.at_s * 1000).toLocaleTimeString()), ` ${mark.text}`)));
      await ready();
      draw();
    },
  };
}
