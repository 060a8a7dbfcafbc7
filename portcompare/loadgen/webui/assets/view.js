// The arms side by side: table, button and charts.
import { makeCharts } from "./charts.js";
import { element } from "./poll.js";

const COLUMNS = [
  ["requests", "requests", "successful requests"],
  ["failures", "failures", ""],
  ["rate", "rate", "successful requests per second since the test began"],
  ["p50", "p50 ms", ""],
  ["p95", "p95 ms", ""],
  ["p99", "p99 ms", ""],
  ["ratio", "rate / baseline [95% interval]", ""],
  ["bound", "share of bound", "the most that theory allows"],
  ["cpu", "CPUs", "what the server uses now"],
  ["rss", "memory", "resident, of the server now"],
];

function makeTable() {
  const head = element("tr", {}, element("th", {}, "scenario"), element("th", {}, "arm"));
  for (const [, title, meaning] of COLUMNS) head.append(element("th", { title: meaning, className: "sbs-figure" }, title));
  const body = element("tbody");
  const table = element("table", { className: "sbs-table" }, element("thead", {}, head), body);

  function show(state, color) {
    let before = "";
    body.replaceChildren(
      ...state.rows.map((row) => {
        const isNew = row.scenario !== before;
        before = row.scenario;
        const swatch = element("span", { className: "sbs-swatch" });
        swatch.style.background = color(row);
        const name = element("th", { scope: "row" }, swatch, row.arm);
        if (row.restarts) name.append(element("em", {}, ` restarted ${row.restarts}x`));
        const line = element("tr", { className: isNew ? "sbs-first" : "" }, element("td", {}, isNew ? row.scenario : ""), name);
        line.dataset.scenario = row.scenario;
        line.dataset.arm = row.arm;
        for (const [key] of COLUMNS) {
          const cell = element("td", { className: `sbs-figure sbs-${key}` }, row.text[key]);
          if (key === "bound") cell.title = row.text.bound_reason;
          if (key === "failures" && row.failures) cell.classList.add("sbs-bad");
          line.append(cell);
        }
        return line;
      }),
    );
    table.hidden = state.rows.length === 0;
  }
  return { table, show };
}

function makeMeasure() {
  const button = element("button", { type: "button", className: "sbs-button" }, "Measure properly");
  button.title = "Stops this test and starts portcompare run with these settings: one arm after the other, on fresh servers";
  const says = element("div", { className: "sbs-run", role: "status" });
  button.addEventListener("click", async () => {
    button.disabled = true;
    const response = await fetch("./side-by-side/measure", { method: "POST" });
    const reply = await response.json().catch(() => ({ message: "The web UI sent no reply that can be read" }));
    if (!response.ok) says.textContent = reply.message;
  });

  function show(state) {
    button.hidden = !state.can_measure;
    const run = state.run;
    button.disabled = run?.state === "running" || !state.settings;
    if (!run) return;
    const command = element("code", {}, run.command);
    if (run.state === "done") {
      const link = element("a", { target: "_blank", href: `./side-by-side/reports/${encodeURIComponent(run.folder)}/report.html` }, "Open the report");
      says.replaceChildren(link, " of ", command);
    } else {
      const word = run.state === "running" ? "Measuring" : "The run failed";
      says.replaceChildren(element("strong", {}, `${word}: `), run.progress, element("br"), command);
    }
  }
  return { button, says, show };
}

export function makeView(parent) {
  const status = element("p", { className: "sbs-status" });
  const download = element("a", { href: "./side-by-side.csv", className: "sbs-button" }, "Download CSV");
  const screen = element("a", { href: "./side-by-side", target: "_blank", className: "sbs-button sbs-own" }, "On a page of its own");
  const measure = makeMeasure();
  const { table, show: showTable } = makeTable();
  const charts = makeCharts();
  const explanation = element("p", { className: "sbs-explanation" });
  parent.classList.add("sbs");
  parent.append(
    element("div", { className: "sbs-head" }, status, element("div", { className: "sbs-actions" }, measure.button, download, screen)),
    measure.says,
    element("div", { className: "sbs-scroll" }, table),
    explanation,
    charts.element,
  );
  return {
    show(state) {
      const load = state.load ? `${state.load}; ` : "";
      status.replaceChildren(element("strong", {}, state.state), ` ${load}${state.length_s ? `counted for ${Math.round(state.length_s)} s` : "start a test to see figures"}`);
      explanation.textContent = state.explanation;
      measure.show(state);
      charts.show(state);
      showTable(state, charts.color);
    },
  };
}
