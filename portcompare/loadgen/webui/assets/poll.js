// Asks once a second for what has been computed once a second; less often where nobody looks.
const EVERY_MS = 1000;
const UNSEEN_MS = 5000;

export function follow(show) {
  async function ask() {
    try {
      const answer = await fetch("./side-by-side.json", { headers: { Accept: "application/json" } });
      if (answer.status === 401) {
        location.reload(); // to the login
        return;
      }
      if (answer.ok) show(await answer.json());
    } catch {
      // The UI has ended, or is being started again: what was shown stays.
    }
    setTimeout(ask, document.hidden ? UNSEEN_MS : EVERY_MS);
  }
  ask();
}

export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}
