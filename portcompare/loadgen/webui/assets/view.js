// The deployments side by side: table, the run that measures them, and charts.
import { makeCharts } from "./charts.js";
import { element } from "./poll.js";

const COLUMNS = [
  ["users", "users", "of each scenario on each deployment; in an open load its connections"],
  ["requests", "requests", "that were successful"],
  ["failures", "failures", "requests that were not"],
  ["rate", "rate", "successful requests per second since the test began"],
  ["offered", "offered", "requests of an open load that were due, per second"],
  ["backlog", "backlog", "requests of an open load that are due, and wait for a connection now"],
  ["p50", "p50 ms", "half of the successful requests were as fast, or faster"],
  ["p95", "p95 ms", "95 of 100 were"],
  ["p99", "p99 ms", "99 of 100 were"],
  ["ratio", "rate / baseline [95% interval]", "as explained below the charts"],
  ["bound", "share of bound", "how near the rate is to the most that theory allows"],
  ["cpu", "CPUs", "what the server uses now"],
  ["rss", "memory", "of the server, resident, now"],
];
const BUDGETS_S = [60, 120, 300, 600, 1800];

function makeTable() {
  const head = element("tr");
  const body = element("tbody");
  const foot = element("tfoot");
  const table = element("table", { className: "sbs-table" }, element("thead", {}, head), body, foot);
  const region = element("div", { className: "sbs-scroll", tabIndex: 0, role: "region", ariaLabel: "Figures of each deployment" }, table);
  const hint = element("p", { className: "sbs-hint" }, "The table is wider than this page: scroll it sideways, or with the arrow keys.");
  const reasons = element("ul", { className: "sbs-reasons" });
  const meanings = element("dl");
  const legend = element("details", { className: "sbs-meanings" }, element("summary", {}, "What the columns mean"), meanings);

  function show(state, color) {
    const columns = COLUMNS.filter(([key]) => state.rows.some((row) => key in row.text));
    head.replaceChildren(
      ...["scenario", "deployment"].map((text) => element("th", { scope: "col" }, text)),
      ...columns.map(([, text]) => element("th", { scope: "col", className: "sbs-figure" }, text)),
    );
    if (meanings.childElementCount !== 2 * columns.length) {
      meanings.replaceChildren(...columns.flatMap(([, text, meaning]) => [element("dt", {}, text), element("dd", {}, meaning)]));
    }
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
        for (const [key] of columns) {
          const cell = element("td", { className: `sbs-figure sbs-${key}` }, row.text[key]);
          if (key === "failures" && row.failures) cell.classList.add("sbs-bad");
          line.append(cell);
        }
        return line;
      }),
    );
    const sums = columns.map(([key]) => element("td", { className: "sbs-figure" }, state.total[key] ?? ""));
    foot.replaceChildren(element("tr", {}, element("td"), element("th", { scope: "row" }, "in total"), ...sums));
    const known = state.rows.filter((row) => row.bound_rps !== null);
    reasons.replaceChildren(...known.map((row) => element("li", {}, `Bound of ${row.arm}: ${row.text.bound_reason}`)));
    region.hidden = legend.hidden = state.rows.length === 0;
    region.classList.toggle("sbs-cut", region.scrollWidth > region.clientWidth);
  }
  return { parts: [region, hint, reasons, legend], show };
}

function minutes(seconds) {
  if (seconds < 100) return `${Math.round(seconds)} s`;
  return `${Math.round(seconds / 6) / 10} min`;
}

async function post(path, fields = {}) {
  const response = await fetch(path, { method: "POST", body: new URLSearchParams(fields) });
  const reply = await response.json().catch(() => ({ message: "The web UI sent no response that can be read" }));
  return response.ok ? "" : reply.message;
}

function makeMeasure() {
  const start = element("button", { type: "button", className: "sbs-button" }, "Measure properly");
  const budget = element("select", { className: "sbs-button", ariaLabel: "How long it may take" });
  const says = element("div", { className: "sbs-run" });
  const text = element("p", { role: "status" });
  const bar = element("progress", { max: 1, ariaLabel: "How far the run is" });
  const cancel = element("button", { type: "button", className: "sbs-button sbs-cancel" }, "Cancel the run");
  const command = element("code");
  says.append(text, bar, cancel, command);
  let shown = "";

  function say(key, ...parts) {
    if (key === shown) return;
    shown = key;
    text.replaceChildren(...parts);
  }
  start.addEventListener("click", async () => {
    start.disabled = true;
    const problem = await post("./side-by-side/measure", { budget_s: budget.value });
    if (problem) say(problem, problem);
  });
  cancel.addEventListener("click", async () => {
    cancel.disabled = true;
    await post("./side-by-side/cancel");
  });

  function show(state) {
    const run = state.run;
    const isMeasuring = state.is_measuring;
    start.hidden = budget.hidden = !state.can_measure;
    start.disabled = budget.disabled = isMeasuring || !state.settings;
    if (budget.options.length === 0) {
      const choices = new Map([[state.budget_s, `in ${minutes(state.budget_s)}, as in the plan`]]);
      for (const seconds of BUDGETS_S) if (!choices.has(seconds)) choices.set(seconds, `in ${minutes(seconds)}`);
      budget.append(...[...choices].map(([value, label]) => element("option", { value }, label)));
    }
    bar.hidden = cancel.hidden = !isMeasuring;
    if (!isMeasuring) cancel.disabled = false;
    if (isMeasuring && run?.state !== "running") {
      bar.removeAttribute("value");
      say("waiting", "Waiting for the test to end, and for the run to start");
      return;
    }
    if (!run) return;
    command.textContent = run.command;
    if (run.state === "running") {
      const left = Math.max(run.budget_s - run.elapsed_s, 0);
      bar.value = Math.min(run.elapsed_s / run.budget_s, 1);
      say(`${run.progress} ${Math.ceil(left)}`, element("strong", {}, "Measuring: "), `${run.progress}; at most ${minutes(left)} left`);
    } else if (run.state === "done") {
      const href = `./side-by-side/reports/${encodeURIComponent(run.folder)}/report.html`;
      say("done", element("a", { target: "_blank", href }, "Open the report"), " of");
    } else {
      const word = run.state === "cancelled" ? "The run was cancelled: " : "The run failed: ";
      say(run.state + run.progress, element("strong", {}, word), run.progress);
    }
  }
  return { start, budget, says, show };
}

// What the state is, and what to do where there are no figures.
function describe(state) {
  const load = state.load ? `${state.load}; ` : "";
  if (state.length_s) return ` ${load}counted for ${Math.round(state.length_s)} s`;
  if (["running", "spawning"].includes(state.state)) return ` ${load}the first second is being counted`;
  return state.load ? ` ${load}it ended before a second was counted` : " start a test to see figures";
}

export function makeView(parent) {
  const status = element("p", { className: "sbs-status" });
  const download = element("a", { href: "./side-by-side.csv", className: "sbs-button" }, "Download CSV");
  const screen = element("a", { href: "./side-by-side", target: "_blank", className: "sbs-button sbs-own" }, "On a page of its own");
  const measure = makeMeasure();
  const { parts, show: showTable } = makeTable();
  const charts = makeCharts();
  const explanation = element("p", { className: "sbs-explanation" });
  parent.classList.add("sbs");
  parent.append(
    element("div", { className: "sbs-head" }, status, element("div", { className: "sbs-actions" }, measure.start, measure.budget, download, screen)),
    measure.says,
    ...parts,
    charts.element,
    explanation,
  );
  return {
    show(state) {
      status.replaceChildren(element("strong", {}, state.state), describe(state));
      explanation.textContent = state.explanation;
      measure.show(state);
      charts.show(state);
      showTable(state, charts.color);
    },
  };
}
