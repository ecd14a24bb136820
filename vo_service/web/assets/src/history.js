// What was asked before, in the storage of this browser.
const KEY = "pzvo-history";
const KEPT = 50;

function kept() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY));
    return Array.isArray(found) ? found.filter((each) => typeof each?.text === "string") : [];
  } catch {
    return [];
  }
}

let list = null;
let choose = () => {};

function show() {
  list.replaceChildren(
    ...kept().map(({ text, at }) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      const time = document.createElement("small");
      button.type = "button";
      button.className = "link";
      button.textContent = text.replace(/\s+/g, " ").slice(0, 120);
      button.addEventListener("click", () => {
        choose(text);
        list.closest("details").open = false;
      });
      time.textContent = at.slice(0, 16).replace("T", " ") + " UTC";
      item.append(button, time);
      return item;
    }),
  );
  list.closest("details").hidden = !list.children.length;
}

export function remember(text) {
  const others = kept().filter((each) => each.text !== text);
  try {
    localStorage.setItem(KEY, JSON.stringify([{ text, at: new Date().toISOString() }, ...others].slice(0, KEPT)));
  } catch {
    return;
  }
  show();
}

export function fillHistory(target, chosen) {
  list = target;
  choose = chosen;
  show();
}
