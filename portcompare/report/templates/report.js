// Values at the pointer, and arms to hide. Without it every chart has a legend and its data as a table.
(() => {
  "use strict";
  const REACH = 28;
  const tip = document.createElement("p");
  tip.className = "tip";
  tip.hidden = true;
  tip.setAttribute("aria-hidden", "true");
  document.body.append(tip);

  const nearest = (marks, x, y) => {
    let found = null;
    let least = REACH;
    for (const mark of marks) {
      if (mark.classList.contains("off")) continue;
      const box = mark.getBoundingClientRect();
      const dx = Math.max(box.left - x, 0, x - box.right);
      const dy = Math.max(box.top - y, 0, y - box.bottom);
      // Of two that lie around the pointer the smaller is meant: a point, and not the line below it.
      const distance = Math.hypot(dx, dy) + Math.min(Math.hypot(box.width, box.height), 2000) / 1000;
      if (distance < least) {
        least = distance;
        found = mark;
      }
    }
    return found;
  };

  const show = (mark, x, y) => {
    tip.textContent = mark.dataset.tip;
    tip.hidden = false;
    const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
    tip.style.left = `${Math.max(8, Math.min(x + 12, room))}px`;
    tip.style.top = `${y + 16 + tip.offsetHeight > window.innerHeight ? y - 12 - tip.offsetHeight : y + 16}px`;
  };

  const hide = () => {
    tip.hidden = true;
  };

  for (const chart of document.querySelectorAll("figure svg[role=img]")) {
    const marks = chart.querySelectorAll("[data-tip]");
    chart.addEventListener("pointermove", (event) => {
      const mark = nearest(marks, event.clientX, event.clientY);
      if (mark) show(mark, event.clientX, event.clientY);
      else hide();
    });
    chart.addEventListener("pointerleave", hide);
  }
  document.addEventListener("scroll", hide, { passive: true, capture: true });

  // What is wider than its place says so: not every browser shows that it scrolls.
  const hinted = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const before = target.previousElementSibling;
      const hint = before && before.classList.contains("more") ? before : document.createElement("p");
      hint.className = "more";
      hint.textContent = "Scroll sideways for more →";
      if (target.scrollWidth > target.clientWidth + 1) target.before(hint);
      else hint.remove();
    }
  });
  for (const each of document.querySelectorAll(".scroll")) hinted.observe(each);

  const open = () => {
    const part = document.getElementById(location.hash.slice(1));
    if (part && part.closest("details")) part.closest("details").open = true;
  };
  window.addEventListener("hashchange", open);
  open();
  window.addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("details.part")) part.open = true;
  });

  const toggle = (arm) => {
    const buttons = document.querySelectorAll(`.legend button[data-arm="${arm}"]`);
    const off = buttons[0].getAttribute("aria-pressed") === "true";
    for (const button of buttons) button.setAttribute("aria-pressed", String(!off));
    for (const mark of document.querySelectorAll(`figure svg [data-arm="${arm}"]`)) mark.classList.toggle("off", off);
  };

  for (const entry of document.querySelectorAll(".legend li")) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.arm = entry.dataset.arm;
    button.title = "Hide or show it in every chart";
    button.setAttribute("aria-pressed", "true");
    button.append(...entry.childNodes);
    button.addEventListener("click", () => toggle(button.dataset.arm));
    entry.append(button);
  }
})();
