// The page of its own: all there is, one below the other.
import { follow } from "./poll.js";
import { makeReports } from "./reports.js";
import { makeView } from "./view.js";

const views = [
  makeView(document.getElementById("side-by-side")),
  makeReports(document.getElementById("load-test-reports")),
];
follow((state) => views.forEach((view) => view.show(state)));
