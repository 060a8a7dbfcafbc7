// Locust opens the tab that the address names, and else its own first one: name ours.
const here = new URL(location.href);
if (!here.searchParams.has("tab")) {
  here.searchParams.set("tab", "side-by-side");
  history.replaceState(null, "", here);
}
