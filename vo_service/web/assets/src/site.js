// What every page has: the theme, copying, menus, and sending a table to VO tools on the visitor's machine.
import "htmx.org";
import { sendTable } from "./samp.js";

const root = document.documentElement;
root.classList.add("js");

const THEME = "pzvo-theme";
const stored = localStorage.getItem(THEME);
if (stored === "light" || stored === "dark") root.dataset.theme = stored;

function say(text) {
  const region = document.getElementById("said");
  if (region) region.textContent = text;
}

async function copy(button) {
  const text = button.dataset.copy;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "unseen";
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  const label = button.textContent;
  button.textContent = "✓";
  say(text);
  setTimeout(() => (button.textContent = label), 1500);
}

async function samp(button) {
  const note = document.getElementById("samp");
  note.hidden = false;
  note.textContent = note.dataset.asking;
  button.disabled = true;
  try {
    await sendTable(button.dataset.samp, button.dataset.sampId, button.dataset.sampName, document.title);
    note.textContent = note.dataset.sent;
  } catch {
    note.textContent = `${note.dataset.failed} ${button.dataset.samp}`;
  }
  button.disabled = false;
}

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-copy],[data-samp],[data-theme-switch],[data-confirm]");
  document.querySelectorAll("details.menu[open]").forEach((menu) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  if (!target) return;
  if (target.dataset.copy !== undefined) copy(target);
  else if (target.dataset.samp !== undefined) samp(target);
  else if (target.dataset.themeSwitch !== undefined) {
    const dark = root.dataset.theme === "dark" || (!root.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
    root.dataset.theme = dark ? "light" : "dark";
    localStorage.setItem(THEME, root.dataset.theme);
  } else if (target.dataset.confirm !== undefined && !confirm(target.dataset.confirm)) event.preventDefault();
});

document.addEventListener("change", async (event) => {
  const into = event.target.dataset.into;
  if (into !== undefined && event.target.files.length) document.getElementById(into).value = await event.target.files[0].text();
  if (event.target.dataset.submit !== undefined) event.target.form.requestSubmit();
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  const once = form.dataset.once ?? event.submitter?.dataset.once;
  if (once === undefined || event.defaultPrevented) return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "1";
  const note = form.querySelector("[data-said]");
  if (note && form.dataset.busy) note.textContent = form.dataset.busy;
  event.submitter?.setAttribute("aria-busy", "true");
});

// A page that comes back from the history may be sent again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  for (const button of document.querySelectorAll("button[aria-busy]")) button.removeAttribute("aria-busy");
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  document.querySelectorAll("details.menu[open]").forEach((menu) => (menu.open = false));
});

document.addEventListener("DOMContentLoaded", () => {
  root.classList.add("js");
  document.querySelector("[data-focus]")?.focus();
});
