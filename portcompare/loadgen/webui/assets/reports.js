// The finished runs, the newest first.
import { element } from "./poll.js";

function row(run) {
  const link = element("a", { target: "_blank" }, run.folder);
  link.href = `./side-by-side/reports/${encodeURIComponent(run.folder)}/report.html`;
  const when = run.started_at ? new Date(run.started_at).toLocaleString() : "";
  return element("tr", {}, element("td", {}, link), element("td", {}, when), element("td", {}, run.headline));
}

export function makeReports(parent) {
  let shown = "";
  const place = element("div", { className: "sbs-scroll" });
  parent.append(place);
  return {
    show(state) {
      const now = JSON.stringify(state.runs);
      if (now === shown) return;
      shown = now;
      if (state.runs.length === 0) {
        place.replaceChildren(element("p", {}, "There is no report yet. Use Measure properly, or portcompare run."));
        return;
      }
      const head = element("tr", {}, ...["report", "measured", "result"].map((text) => element("th", {}, text)));
      place.replaceChildren(
        element("table", { className: "sbs-reports" }, element("thead", {}, head), element("tbody", {}, ...state.runs.map(row))),
      );
    },
  };
}
