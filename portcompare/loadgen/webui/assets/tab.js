// In Locust's own page: our tabs are empty to Locust, what they show stands beside its root element, so that
// neither of the two programs touches the other's elements.
import { follow } from "./poll.js";
import { makeReports } from "./reports.js";
import { makeView } from "./view.js";

const makers = { "Side by side": makeView, "Load-test reports": makeReports };
const OWN_CHANGE_MS = 20_000;
const root = document.getElementById("root");
const views = {};

function selectedTab() {
  return root.querySelector('[role="tab"][aria-selected="true"]')?.textContent ?? "";
}

function place() {
  const selected = selectedTab();
  document.documentElement.dataset.sbsTab = selected in makers ? "ours" : "locust";
  for (const [title, make] of Object.entries(makers)) {
    if (title === selected && !views[title]) {
      const element = document.createElement("section");
      element.className = "sbs-tab";
      element.setAttribute("aria-label", title);
      document.body.append(element);
      views[title] = { element, ...make(element) };
    }
    if (views[title]) views[title].element.hidden = title !== selected;
  }
}

// Locust's form is filled when its page is loaded: when another viewer begins a test, it is loaded again, as soon
// as Locust has begun it too.
const RELOAD_AFTER_MS = 1000;
let test = window.templateArgs.side_by_side_test ?? null;
let submittedAt = -OWN_CHANGE_MS;
function reloadForAnother(state) {
  const isOwn = performance.now() - submittedAt < OWN_CHANGE_MS;
  if (state.test !== test && !isOwn) setTimeout(() => location.reload(), RELOAD_AFTER_MS);
  test = state.test;
}
document.addEventListener("submit", () => (submittedAt = performance.now()), true);

// What the field of the users comes to on all deployments; the style sheet shows it below the field.
function showTotal() {
  const form = document.querySelector("form:has(select[name=deployments])");
  if (!form) return;
  const total = Number(form.elements.userCount.value) * form.elements.deployments.selectedOptions.length;
  const text = form.elements.scenario ? `Users of each deployment: ${total} in total.` : "Users of each scenario on each deployment.";
  document.documentElement.style.setProperty("--sbs-total", `"${text}"`);
}
document.addEventListener("input", showTotal);

new MutationObserver(place).observe(root, {
  attributes: true,
  attributeFilter: ["aria-selected"],
  childList: true,
  subtree: true,
});
place();
follow((state) => {
  reloadForAnother(state);
  place();
  showTotal();
  for (const view of Object.values(views)) if (!view.element.hidden) view.show(state);
});
