// The query page: the editor, the result as a table, what was asked before. The form works without it.
import { createEditor } from "./editor.js";
import { parseAnswer, showResult } from "./rows.js";
import { fillHistory, remember } from "./history.js";

const form = document.getElementById("query-form");
const outcome = document.getElementById("outcome");
const after = document.getElementById("after");
const problem = document.getElementById("query-problem");
const [run, stop, share] = ["run", "stop", "share"].map((id) => document.getElementById(id));
const upload = document.getElementById("upload-file");
const editor = createEditor(form, (text) => {
  share.dataset.copy = `${location.origin}${form.dataset.page}?q=${encodeURIComponent(text)}`;
});

const DRAFT = "pzvo-query";
let asking = null;

function values(extra = {}) {
  const data = new FormData(form);
  if (!upload.files.length) data.delete("table");
  for (const [name, value] of Object.entries(extra)) data.set(name, value);
  return data;
}

const sent = (address, data, signal) =>
  fetch(address, { method: "POST", body: data, signal, headers: { "X-CSRFToken": data.get("csrf_token") || "" } });

function note(text, alert) {
  const line = document.createElement("p");
  line.textContent = text;
  if (alert) line.className = "problem";
  outcome.replaceChildren(line);
}

function showProblem(found) {
  outcome.replaceChildren();
  after.classList.add("without-scripts");
  const line = document.createElement("p");
  line.className = "problem";
  line.textContent = found.message;
  problem.replaceChildren(line);
  editor.mark(found);
  if (found.slow) document.getElementById("run-job")?.classList.remove("outline");
}

function askForLogin(address) {
  sessionStorage.setItem(DRAFT, editor.text());
  location.href = address;
}

function clearProblem() {
  problem.replaceChildren();
  editor.mark(null);
}

async function problemOf(response) {
  const kind = response.headers.get("Content-Type") || "";
  if (kind.startsWith("application/json")) return response.json();
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const said = page.querySelector("main [role=alert]") || page.querySelector("main p");
  return { message: said ? said.textContent : outcome.dataset.failed };
}

async function ask() {
  asking?.abort();
  const asked = (asking = new AbortController());
  const began = performance.now();
  clearProblem();
  run.setAttribute("aria-busy", "true");
  stop.hidden = false;
  note(outcome.dataset.running);
  try {
    const response = await sent(form.dataset.rows, values(), asked.signal);
    if (asked !== asking) return;
    if (response.redirected) return askForLogin(response.url);
    if (!response.ok) return showProblem(await problemOf(response));
    const answer = parseAnswer(await response.text());
    remember(editor.text());
    showResult(outcome, answer, (performance.now() - began) / 1000, form.elements.MAXREC.value);
    after.classList.remove("without-scripts");
    document.getElementById("plot").replaceChildren();
    document.getElementById("code").replaceChildren();
    document.getElementById("draw").click();
  } catch (error) {
    if (asked === asking) note(error.name === "AbortError" ? outcome.dataset.stopped : outcome.dataset.failed, error.name !== "AbortError");
  } finally {
    if (asked === asking) {
      run.removeAttribute("aria-busy");
      stop.hidden = true;
    }
  }
}

async function download() {
  clearProblem();
  const response = await sent(form.dataset.file, values());
  if (!response.ok) return showProblem(await problemOf(response));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = /filename="([^"]+)"/.exec(response.headers.get("Content-Disposition") || "")?.[1] || "query";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

async function makeJob() {
  clearProblem();
  const response = await sent(form.dataset.job, values());
  if (response.redirected) location.href = response.url;
  else showProblem(await problemOf(response));
}

form.addEventListener("submit", (event) => {
  const button = event.submitter?.id;
  if (button === "run" || !button) {
    event.preventDefault();
    ask();
  } else if (button === "run-job") {
    event.preventDefault();
    makeJob();
  } else if (button === "download" && upload.files.length) {
    event.preventDefault();
    download();
  }
});

stop.addEventListener("click", () => asking?.abort());
form.elements.UPLOAD_NAME.addEventListener("input", (event) => {
  document.getElementById("upload-name").textContent = `TAP_UPLOAD.${event.target.value}`;
});

document.addEventListener("click", (event) => {
  const insert = event.target.closest("[data-insert]");
  const example = event.target.closest("[data-example]");
  if (insert) {
    event.preventDefault();
    editor.insert(insert.dataset.insert);
  } else if (example) {
    event.preventDefault();
    editor.replace(example.dataset.example);
    example.closest("details").open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && form.contains(event.target)) {
    event.preventDefault();
    ask();
  }
});

editor.check(async (text) => {
  if (!text.trim() || asking?.signal.aborted === false && !stop.hidden) return null;
  const response = await sent(form.dataset.check, values({ QUERY: text }));
  return response.ok && !response.redirected ? (await response.json()).problem : null;
});
fillHistory(document.querySelector("#history ul"), (text) => editor.replace(text));
const draft = sessionStorage.getItem(DRAFT);
sessionStorage.removeItem(DRAFT);
if (draft && !editor.text().trim()) editor.replace(draft);
