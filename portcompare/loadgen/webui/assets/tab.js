// In Locust's own page: our tabs are empty to Locust, what they show stands beside its root element, so that
// neither of the two programs touches the other's elements.
import { follow } from "./poll.js";
import { makeReports } from "./reports.js";
import { makeView } from "./view.js";

const makers = { "Side by side": makeView, "Load-test reports": makeReports };
const root = document.getElementById("root");
const views = {};

function selectedTab() {
  return root.querySelector('[role="tab"][aria-selected="true"]')?.textContent ?? "";
}

function place() {
  const selected = selectedTab();
  document.documentElement.dataset.sbsTab = selected in makers ? "ours" : "locust";
  document.documentElement.dataset.sbsTheme = localStorage.theme ?? "";
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

// The fields of the form that choose scenario, arms and load are not to be looked for: unfold them, once.
function unfold() {
  const summary = root.querySelector(".MuiAccordionSummary-root");
  const forms = root.querySelectorAll("form");
  if (!summary || forms.length === 0 || unfold.done === forms[0]) return;
  unfold.done = forms[0];
  for (const each of forms[0].querySelectorAll('.MuiAccordionSummary-root[aria-expanded="false"]')) {
    if (each.textContent.includes("Custom parameters")) each.click();
  }
}

new MutationObserver(() => {
  place();
  unfold();
}).observe(root, { attributes: true, attributeFilter: ["aria-selected"], childList: true, subtree: true });
place();
unfold();
follow((state) => {
  place();
  for (const view of Object.values(views)) if (!view.element.hidden) view.show(state);
});
