// A result as a table of which only the rows in view exist.
const ROW = 30;
const SPARE = 10;

function cell(value) {
  const element = document.createElement("td");
  if (typeof value === "number" || /^-?\d{16,}$/.test(value)) element.className = "number";
  element.textContent = written(value);
  return element;
}

function written(value) {
  if (value === null) return "–";
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(9)));
  if (Array.isArray(value)) return `[${value.slice(0, 4).map(written).join(", ")}${value.length > 4 ? ", …" : ""}]`;
  const text = String(value);
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}

// Whole numbers beyond 2^53 lose digits as numbers: they become texts.
const exact = (key, value, context) =>
  typeof value === "number" && !Number.isSafeInteger(value) && context && /^-?\d+$/.test(context.source) ? context.source : value;

export const parseAnswer = (text) => (/[^\d."-]-?\d{16,}[,\]]/.test(text) ? JSON.parse(text, exact) : JSON.parse(text));

function spacer(columns) {
  const row = document.createElement("tr");
  const filler = document.createElement("td");
  row.setAttribute("aria-hidden", "true");
  row.className = "spacer";
  filler.colSpan = columns;
  row.append(filler);
  return { row, set: (rows) => (filler.style.height = `${rows * ROW}px`) };
}

function head(metadata) {
  const header = document.createElement("thead");
  const row = document.createElement("tr");
  for (const field of metadata) {
    const title = document.createElement("th");
    const small = document.createElement("small");
    title.scope = "col";
    title.textContent = field.name;
    if (field.description) title.title = field.description;
    small.textContent = [field.unit, field.ucd].filter(Boolean).join(" · ");
    title.append(small);
    row.append(title);
  }
  header.append(row);
  return header;
}

export function showResult(place, { metadata, data, status }, seconds, maxrec) {
  const words = place.dataset;
  const summary = document.createElement("p");
  summary.textContent = `${data.length.toLocaleString("en").replaceAll(",", "\u202f")} ${words.rowsWord} · ${seconds.toFixed(2)} s`;
  if (status.value === "OVERFLOW") summary.append(" – ", strong(words.cut.replace("{n}", Math.min(maxrec, data.length))));
  if (status.value === "ERROR") summary.append(" – ", strong(status.message));
  if (!data.length) summary.textContent = words.none;
  const box = document.createElement("div");
  box.className = "rows";
  box.tabIndex = 0;
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", words.table);
  const table = document.createElement("table");
  table.className = "data";
  table.setAttribute("aria-rowcount", data.length + 1);
  const body = document.createElement("tbody");
  table.append(head(metadata), body);
  box.append(table);
  place.replaceChildren(summary, box);
  const [above, below] = [spacer(metadata.length), spacer(metadata.length)];
  let shown = -1;
  const draw = () => {
    const first = Math.max(0, Math.floor(box.scrollTop / ROW) - SPARE);
    if (first === shown) return;
    shown = first;
    const last = Math.min(data.length, first + Math.ceil(box.clientHeight / ROW) + 2 * SPARE);
    above.set(first);
    below.set(data.length - last);
    body.replaceChildren(
      above.row,
      ...data.slice(first, last).map((values, i) => {
        const row = document.createElement("tr");
        row.setAttribute("aria-rowindex", first + i + 2);
        row.append(...values.map(cell));
        return row;
      }),
      below.row,
    );
  };
  box.addEventListener("scroll", () => requestAnimationFrame(draw), { passive: true });
  draw();
}

function strong(text) {
  const element = document.createElement("strong");
  element.textContent = text;
  return element;
}
