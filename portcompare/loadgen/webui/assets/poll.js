// Requests the figures once a second, as they are computed; less often while the page is hidden.
const EVERY_MS = 1000;
const UNSEEN_MS = 5000;

export function follow(show) {
  async function request() {
    try {
      const response = await fetch("./side-by-side.json", { headers: { Accept: "application/json" } });
      if (response.status === 401) {
        location.reload(); // to the login
        return;
      }
      if (response.ok) show(await response.json());
    } catch {
      // The UI has ended, or is being started again: what was shown stays.
    }
    setTimeout(request, document.hidden ? UNSEEN_MS : EVERY_MS);
  }
  request();
}

export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}
