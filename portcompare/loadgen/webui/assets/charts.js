// A chart for each figure, a line for each deployment, drawn by Vega-Lite; a legend shows and hides lines.
import { element } from "./poll.js";

const CHARTS = [
  ["rate_rps", "throughput, requests/s"],
  ["p50_ms", "p50, ms"],
  ["p95_ms", "p95, ms"],
  ["p99_ms", "p99, ms"],
  ["users", "users of each deployment"],
];
const DASHES = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3]]; // of the scenarios; a colour is a deployment's
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

function spec(title, ink, paper) {
  const axis = { grid: true, gridColor: ink, gridOpacity: 0.12, labelColor: ink, titleColor: ink, domainColor: ink, tickColor: ink, title: null };
  const at = { field: "at", type: "temporal" };
  return {
    width: "container",
    height: 180,
    background: paper,
    autosize: { type: "fit", contains: "padding", resize: true },
    config: { view: { stroke: null }, font: "system-ui, sans-serif" },
    title: { text: title, anchor: "start", color: ink, fontSize: 13 },
    layer: [
      {
        data: { name: "seconds" },
        mark: { type: "line", strokeWidth: 2, point: { size: 12 } },
        encoding: {
          x: { ...at, axis: { ...axis, format: "%H:%M:%S", tickCount: 4, labelOverlap: "greedy" } },
          y: { field: "value", type: "quantitative", axis: { ...axis, tickCount: 5 }, scale: { zero: true, nice: 4 } },
          color: { field: "color", type: "nominal", scale: null, legend: null },
          strokeDash: { field: "dash", type: "nominal", scale: null, legend: null },
          detail: { field: "stretch" },
        },
      },
      { data: { name: "marks" }, mark: { type: "rule", strokeDash: [4, 3], color: ink, opacity: 0.6 }, encoding: { x: at, tooltip: [{ field: "text", title: "change" }] } },
      { data: { name: "cross" }, mark: { type: "rule", color: ink }, encoding: { x: at } },
    ],
  };
}

function clock(at_s) {
  return new Date(at_s * 1000).toLocaleTimeString([], { hourCycle: "h23" }); // as on the axes
}

function nameOf(line) {
  return `${line.arm} (${line.scenario})`;
}

export function makeCharts() {
  const legend = element("div", { className: "sbs-legend", role: "group", ariaLabel: "Lines: click to hide or show" });
  const all = element("input", { type: "checkbox" });
  const span = element("label", { className: "sbs-all" }, all, " show earlier tests");
  const marks = element("ol", { className: "sbs-marks" });
  const reads = CHARTS.map(() => element("p", { className: "sbs-read" }));
  const places = CHARTS.map(([key]) => element("div", { className: "sbs-chart", id: `sbs-chart-${key}` }, "loading the chart"));
  const grid = element("div", { className: "sbs-charts" }, ...CHARTS.map((_, number) => element("div", {}, places[number], reads[number])));
  const whole = element("div", {}, element("div", { className: "sbs-above" }, legend, span), grid, marks);
  const hidden = new Set();
  let views = [];
  let making = null;
  let ink = "";
  let latest = null;
  let crossAt = null;
  loadLibrary().catch(() => places.forEach((place) => (place.textContent = "The chart could not be loaded: load the page again.")));

  function color(line) {
    return latest?.colours[line.arm]?.[isDark(whole) ? 1 : 0] ?? ink;
  }

  // One after the other, so that the first is seen early; again when the theme has changed.
  async function make(now, paper) {
    const embed = await loadLibrary();
    for (const [number, [key, title]] of CHARTS.entries()) {
      const actions = { export: true, source: false, compiled: false, editor: false };
      const options = { actions, renderer: "canvas", logLevel: 1, downloadFileName: `side-by-side-${key}`, i18n: { CLICK_TO_VIEW_ACTIONS: "Save this chart" } };
      const made = await embed(places[number], spec(title, now, paper), options);
      views[number]?.finalize();
      views[number] = made.view;
      places[number].querySelector("summary").ariaLabel = `Save the chart: ${title}`;
      made.view.addEventListener("mousemove", (event) => showCross(made.view, event));
      places[number].addEventListener("mouseleave", () => setCross(null));
      draw();
    }
  }

  function ready() {
    const isNight = isDark(whole);
    const now = isNight ? "#e6e6e6" : "#333333";
    if (ink === now) return;
    ink = now;
    making = Promise.resolve(making).then(() => make(now, isNight ? "#121212" : "#ffffff")).catch(() => {});
  }

  // The same instant on all charts, and what each line had then.
  function showCross(view, event) {
    const seconds = shownSeconds();
    if (seconds.length === 0) return;
    const box = event.target.getBoundingClientRect?.() ?? view.container().getBoundingClientRect();
    const wanted = view.scale("x").invert(event.clientX - box.left - view.origin()[0]) / 1000;
    setCross(seconds.reduce((best, at) => (Math.abs(at - wanted) < Math.abs(best - wanted) ? at : best)));
  }

  function setCross(at) {
    if (at === crossAt) return;
    crossAt = at;
    drawCross();
  }

  function drawCross() {
    const place = latest ? latest.charts.at_s.indexOf(crossAt) : -1;
    views.forEach((view, number) => {
      view.data("cross", place < 0 ? [] : [{ at: crossAt * 1000 }]).runAsync();
      const parts = place < 0 ? [] : shownLines(CHARTS[number][0]);
      reads[number].replaceChildren(
        place < 0 ? "" : clock(crossAt),
        ...parts.map((line) => element("span", {}, swatch(line.color), line.values[place]?.toLocaleString() ?? "-")),
      );
    });
  }

  // What a chart draws: all deployments have the same number of users, so that these are one line.
  function shownLines(key) {
    if (key === "users") return [{ name: key, values: latest.charts.users, color: ink, dash: DASHES[0] }];
    const lines = drawnLines();
    const scenarios = [...new Set(lines.map((line) => line.scenario))];
    return lines
      .filter((line) => !hidden.has(nameOf(line)))
      .map((line) => ({
        name: nameOf(line),
        values: line[key],
        color: color(line),
        dash: DASHES[scenarios.indexOf(line.scenario) % DASHES.length],
      }));
  }

  function isShown(at) {
    return all.checked || at >= latest.charts.began_at_s;
  }

  // The lines of the seconds that are drawn: those of earlier tests only with these.
  function drawnLines() {
    const { at_s, lines } = latest.charts;
    return lines.filter((line) => at_s.some((at, place) => isShown(at) && line.rate_rps[place] !== null));
  }

  function shownSeconds() {
    return latest ? latest.charts.at_s.filter(isShown) : [];
  }

  function rowsOf(key) {
    const rows = [];
    const ends = latest.charts.marks.filter((mark) => mark.text === "stopped").map((mark) => mark.at_s);
    for (const { name, values, color, dash } of shownLines(key)) {
      let stretch = 0;
      let before = null;
      latest.charts.at_s.forEach((at, place) => {
        const value = values[place];
        if (value === null || !isShown(at)) return;
        if (before !== null && (at - before > LONGEST_GAP_S || ends.some((end) => before <= end && end < at))) stretch += 1;
        before = at;
        rows.push({ at: at * 1000, value, color, dash, stretch: `${name} ${stretch}` });
      });
    }
    return rows;
  }

  function swatch(background) {
    const made = element("span", { className: "sbs-swatch" });
    made.style.background = background;
    return made;
  }

  function showLegend(lines) {
    const key = [ink, ...lines.map(nameOf)].join("\n");
    if (legend.dataset.key === key) return;
    legend.dataset.key = key;
    legend.replaceChildren(
      ...lines.map((line) => {
        const name = nameOf(line);
        const button = element("button", { type: "button", ariaPressed: String(!hidden.has(name)) }, swatch(color(line)), name);
        button.addEventListener("click", () => {
          if (!hidden.delete(name)) hidden.add(name);
          button.ariaPressed = String(!hidden.has(name));
          draw();
        });
        return button;
      }),
    );
  }

  function draw() {
    if (!latest) return;
    showLegend(drawnLines());
    const shown = latest.charts.marks.filter((mark) => isShown(mark.at_s + 1));
    marks.replaceChildren(...shown.slice(-6).map((mark) => element("li", {}, element("time", {}, clock(mark.at_s)), ` ${mark.text}`)));
    const changes = shown.map((mark) => ({ at: mark.at_s * 1000, text: mark.text }));
    views.forEach((view, number) => {
      view.data("seconds", rowsOf(CHARTS[number][0])).data("marks", changes).runAsync();
    });
    drawCross();
  }
  all.addEventListener("change", draw);

  return {
    element: whole,
    color,
    show(state) {
      latest = state;
      state.charts.lines.sort((one, other) => state.arms.indexOf(one.arm) - state.arms.indexOf(other.arm));
      whole.hidden = state.charts.lines.length === 0;
      if (whole.hidden) return;
      ready();
      draw();
    },
  };
}
