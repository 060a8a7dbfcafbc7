
// The message gets an element of its own: a browser counts each one when it is first painted, and by its size.
const main = document.querySelector("main");

function show(id, text) {
  const shown = document.createElement("p");
  shown.id = id;
  shown.textContent = text;
  main.replaceChildren(shown);
}

async function load() {
  const response = await fetch(main.dataset.url);
  if (!response.ok) {
    throw new Error(`The response has the status ${response.status}.`);
  }
  return (await response.json()).message;
}

load().then(
  (message) => show("message", message),
  (error) => show("error", `There is no message. ${error.message}`),
);
