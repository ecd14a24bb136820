// Files in pieces, with progress, dropping and going on after an interruption; fields that fit the type of a product.
const PIECE_BYTES = 8 * 1024 * 1024;

const problem = (answer) => {
  if (typeof answer === "string") return answer;
  const first = Object.values(answer ?? {})[0];
  return String(Array.isArray(first) ? first[0] : first ?? "");
};

class Refused extends Error {}

async function ask(form, method, path, body, headers = {}) {
  let response;
  try {
    response = await fetch(form.dataset.api + path, {
      method,
      body,
      headers: { "X-CSRFToken": form.elements.csrf_token.value, ...headers },
    });
  } catch {
    throw new Error("interrupted");
  }
  const answer = response.status === 204 ? null : await response.json().catch(() => null);
  if (response.status >= 500) throw new Error("interrupted");
  if (!response.ok) throw new Refused(problem(answer) || response.statusText);
  return answer;
}

// A browser reports the progress of XMLHttpRequest alone.
function send(form, id, offset, piece, progressed) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PATCH", `${form.dataset.api}uploads/${id}/`);
    request.setRequestHeader("X-CSRFToken", form.elements.csrf_token.value);
    request.setRequestHeader("Content-Type", "application/offset+octet-stream");
    request.setRequestHeader("Upload-Offset", String(offset));
    request.upload.onprogress = (event) => progressed(offset + event.loaded);
    request.onerror = () => reject(new Error("interrupted"));
    request.onload = () => {
      let answer = null;
      try {
        answer = JSON.parse(request.responseText);
      } catch {}
      if (request.status < 300) resolve(answer);
      else if (request.status >= 500) reject(new Error("interrupted"));
      else reject(new Refused(problem(answer) || request.statusText));
    };
    request.send(piece);
  });
}

const size = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

async function begun(form, file, key) {
  const known = localStorage.getItem(key);
  if (known) {
    try {
      return await ask(form, "GET", `uploads/${known}/`);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      localStorage.removeItem(key);
    }
  }
  const body = JSON.stringify({
    product: Number(form.dataset.product),
    role: Number(form.elements.role.value),
    name: file.name,
    type: file.type || null,
    size: file.size,
  });
  const made = await ask(form, "POST", "uploads/", body, { "Content-Type": "application/json" });
  localStorage.setItem(key, made.id);
  return made;
}

async function upload(form, file) {
  const said = form.querySelector("[data-said]");
  const bar = form.querySelector("progress");
  const key = `pzvo-upload ${form.dataset.product} ${form.elements.role.value} ${file.name} ${file.size} ${file.lastModified}`;
  const started = performance.now();
  let offset = 0;
  let first = 0;
  bar.hidden = false;
  bar.max = Math.max(1, file.size);
  const progressed = (bytes) => {
    bar.value = bytes;
    const seconds = (performance.now() - started) / 1000;
    const rate = (bytes - first) / Math.max(seconds, 0.1);
    said.textContent = `${form.dataset.sending} ${file.name}: ${size(bytes)} / ${size(file.size)} (${size(rate)}/s)`;
  };
  const arriving = await begun(form, file, key);
  offset = first = arriving.offset;
  do {
    progressed(offset);
    offset = (await send(form, arriving.id, offset, file.slice(offset, offset + PIECE_BYTES), progressed)).offset;
  } while (offset < file.size);
  localStorage.removeItem(key);
}

function tell(form, text) {
  const input = form.querySelector("input[type=file]");
  const said = form.querySelector("[data-said]");
  said.textContent = text;
  said.classList.add("error");
  said.id ||= `${input.id}-error`;
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", said.id);
  input.focus();
}

async function sendAll(form) {
  const button = form.querySelector("button");
  const input = form.querySelector("input[type=file]");
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  try {
    for (const file of input.files) await upload(form, file);
    location.reload();
  } catch (error) {
    tell(form, error instanceof Refused ? error.message : form.dataset.interrupted);
    button.disabled = false;
    button.removeAttribute("aria-busy");
  }
}

// A file that takes the place of another comes in one piece.
const inPieces = (form) => !form.dataset.whole;

for (const form of document.querySelectorAll("form[data-upload]")) {
  const input = form.querySelector("input[type=file]");
  if (form.dataset.multiple !== undefined) input.multiple = true;
  form.addEventListener("submit", (event) => {
    if (!inPieces(form)) return;
    event.preventDefault();
    sendAll(form);
  });
  const place = form.querySelector(".drop");
  for (const kind of ["dragenter", "dragover"]) {
    place.addEventListener(kind, (event) => {
      event.preventDefault();
      place.classList.add("over");
    });
  }
  place.addEventListener("dragleave", () => place.classList.remove("over"));
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    place.classList.remove("over");
    if (event.dataTransfer.files.length) input.files = event.dataTransfer.files;
  });
}

for (const form of document.querySelectorAll("form[data-types]")) {
  const type = form.elements.product_type;
  const fit = () => {
    const chosen = type.selectedOptions[0];
    for (const part of form.querySelectorAll("[data-when]")) {
      const fits = !type.value || chosen.dataset[part.dataset.when] === "1";
      part.hidden = !fits;
      if (!fits) part.querySelector("input, select").value = "";
    }
    document.getElementById("about-type").textContent = chosen.dataset.about ?? "";
  };
  type.addEventListener("change", fit);
  fit();
  const groups = form.querySelector("[data-visible-to]");
  if (groups) {
    const show = () => (groups.hidden = form.elements.visibility.value !== groups.dataset.visibleTo);
    form.elements.visibility.addEventListener("change", show);
    show();
  }
}

for (const box of document.querySelectorAll("[data-filter]")) {
  box.addEventListener("input", () => {
    const wanted = box.value.toLowerCase();
    for (const row of document.querySelectorAll(`${box.dataset.filter} tbody tr`)) row.hidden = !row.dataset.name.includes(wanted);
  });
}
