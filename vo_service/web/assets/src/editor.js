// The editor of ADQL: colours, completion of what this visitor may see, and errors where they are.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { SQLDialect, sql } from "@codemirror/lang-sql";
import { bracketMatching, syntaxHighlighting } from "@codemirror/language";
import { linter, setDiagnostics } from "@codemirror/lint";
import { Compartment, EditorState } from "@codemirror/state";
import { EditorView, drawSelection, highlightActiveLine, keymap, lineNumbers, placeholder } from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";

const CHECK_MS = 900;
const TYPES = "smallint integer bigint real double precision char varchar timestamp point circle polygon region";

const theme = EditorView.theme({
  "&": { backgroundColor: "var(--pico-form-element-background-color)", color: "var(--pico-color)", fontSize: "0.95rem", border: "1px solid var(--pico-form-element-border-color)", borderRadius: "var(--pico-border-radius)" },
  "&.cm-focused": { outline: "2px solid var(--pico-primary-focus)" },
  ".cm-content": { fontFamily: "ui-monospace, monospace", minHeight: "11rem", caretColor: "var(--pico-color)" },
  ".cm-gutters": { backgroundColor: "transparent", color: "var(--pico-muted-color)", border: "none" },
  ".cm-activeLine": { backgroundColor: "transparent" },
  ".cm-cursor": { borderLeftColor: "var(--pico-color)" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--pico-text-selection-color) !important" },
  ".cm-tooltip": { backgroundColor: "var(--pico-card-background-color)", color: "var(--pico-color)", border: "1px solid var(--pico-muted-border-color)" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--pico-primary-background)", color: "var(--pico-primary-inverse)" },
  ".cm-completionInfo": { maxWidth: "24rem" },
  ".cm-scroller": { overflow: "auto", maxHeight: "60vh" },
});

const bare = (name) => name.replace(/^"|"$/g, "").replaceAll('""', '"');

function aliases(text, tables) {
  const known = new Map(tables.map((each) => [each.name.toLowerCase(), each.name]));
  const found = new Map();
  for (const [, name, alias] of text.matchAll(/([A-Za-z_]\w*\.[A-Za-z_]\w*)(?:\s+(?:as\s+)?([A-Za-z_]\w*))?/gi)) {
    const table = known.get(name.toLowerCase());
    if (!table) continue;
    found.set(table.toLowerCase(), table);
    found.set(table.toLowerCase().split(".").pop(), table);
    if (alias) found.set(alias.toLowerCase(), table);
  }
  return found;
}

function completions(words, columnsOf) {
  const fixed = [
    ...words.keywords.map((name) => ({ label: name, type: "keyword", boost: -2 })),
    ...words.functions.map((each) => ({ label: each.name, type: "function", apply: `${each.name}(`, detail: "()", info: `${each.signature}\n${each.about}`, boost: -1 })),
  ];
  const tables = words.tables.map((each) => ({ label: each.name, type: "class", detail: each.about.slice(0, 60), boost: 1 }));
  return async (context) => {
    const word = context.matchBefore(/[\w".]+/);
    if (!word && !context.explicit) return null;
    const typed = word ? word.text : "";
    const used = aliases(context.state.doc.toString(), words.tables);
    const dot = typed.lastIndexOf(".");
    const qualifier = dot > 0 ? typed.slice(0, dot).toLowerCase() : null;
    const from = word ? (qualifier && used.has(qualifier) ? word.from + dot + 1 : word.from) : context.pos;
    const wanted = qualifier && used.has(qualifier) ? [used.get(qualifier)] : [...new Set(used.values())];
    const columns = (await Promise.all(wanted.map(columnsOf))).flat();
    const shown = columns.map((each) => ({
      label: each.name,
      type: "property",
      detail: [each.type, each.unit].filter(Boolean).join(" "),
      info: [each.description, each.ucd].filter(Boolean).join("\n") || undefined,
      boost: 3,
    }));
    if (qualifier && used.has(qualifier)) return { from, options: shown, validFor: /^[\w"]*$/ };
    return { from, options: [...shown, ...tables, ...fixed], validFor: /^[\w".]*$/ };
  };
}

function language(words) {
  const dialect = SQLDialect.define({
    keywords: words.keywords.join(" ").toLowerCase(),
    builtin: words.functions.map((each) => each.name.toLowerCase()).join(" "),
    types: TYPES,
    identifierQuotes: '"',
    operatorChars: "*+-%<>!=/|",
    unquotedBitLiterals: false,
  });
  return sql({ dialect, upperCaseKeywords: true }).language;
}

function diagnostic(state, found) {
  if (!found?.line) return [];
  const line = state.doc.line(Math.min(found.line, state.doc.lines));
  // Columns count characters, not UTF-16 units.
  const from = Math.min(line.to, line.from + [...line.text].slice(0, found.column - 1).join("").length);
  const rest = /^("[^"]*"|\w+|\S)/.exec(line.text.slice(from - line.from));
  return [{ from: rest ? from : Math.max(line.from, from - 1), to: rest ? from + rest[0].length : from, severity: "error", message: found.message }];
}

export function createEditor(form, changed) {
  const area = form.elements.QUERY;
  const [spoken, checking] = [new Compartment(), new Compartment()];
  const known = new Map();
  const columnsOf = (table) => {
    if (!known.has(table)) known.set(table, fetch(`${form.dataset.columns}?table=${encodeURIComponent(table)}`).then((r) => (r.ok ? r.json() : [])).catch(() => []));
    return known.get(table);
  };
  const view = new EditorView({
    doc: area.value,
    extensions: [
      EditorView.cspNonce.of(form.dataset.nonce),
      lineNumbers(),
      history(),
      drawSelection(),
      bracketMatching(),
      closeBrackets(),
      highlightActiveLine(),
      EditorState.allowMultipleSelections.of(true),
      EditorView.lineWrapping,
      placeholder(area.placeholder),
      syntaxHighlighting(classHighlighter),
      keymap.of([...closeBracketsKeymap, ...completionKeymap, ...historyKeymap, ...defaultKeymap.filter((each) => each.key !== "Mod-Enter")]),
      EditorView.contentAttributes.of({ "aria-label": "ADQL", "aria-describedby": "query-problem", spellcheck: "false" }),
      theme,
      spoken.of(autocompletion()),
      checking.of([]),
      EditorView.updateListener.of((update) => {
        if (!update.docChanged) return;
        area.value = update.state.doc.toString();
        changed(area.value);
      }),
    ],
  });
  area.hidden = true;
  area.before(view.dom);
  changed(area.value);
  fetch(form.dataset.words)
    .then((response) => response.json())
    .then((words) => {
      const support = language(words);
      view.dispatch({ effects: spoken.reconfigure([support, autocompletion({ override: [completions(words, columnsOf)], icons: false })]) });
    })
    .catch(() => {});
  const text = () => view.state.doc.toString();
  return {
    text,
    replace(written) {
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: written }, selection: { anchor: written.length } });
      view.focus();
    },
    insert(written) {
      const { from, to } = view.state.selection.main;
      const before = view.state.sliceDoc(Math.max(0, from - 1), from);
      const piece = before && !/[\s(.,]/.test(before) ? ` ${written}` : written;
      view.dispatch({ changes: { from, to, insert: piece }, selection: { anchor: from + piece.length } });
      view.focus();
    },
    mark: (found) => view.dispatch(setDiagnostics(view.state, diagnostic(view.state, found))),
    check(ask) {
      const source = async (asked) => diagnostic(asked.state, await ask(asked.state.doc.toString()).catch(() => null));
      view.dispatch({ effects: checking.reconfigure(linter(source, { delay: CHECK_MS })) });
    },
  };
}
