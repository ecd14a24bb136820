// Sends a table through the Web Profile of SAMP 1.3 (XML-RPC to a hub on this machine); receives nothing.
const HUB = "http://127.0.0.1:21012/";

// Strings of SAMP are ASCII (SAMP 1.3, section 3.3); hubs refuse messages with anything else.
const ascii = (text) => String(text).normalize("NFKD").replace(/[\u0300-\u036f]/g, "").replace(/[\u2010-\u2015]/g, "-").replace(/[^\t\n\r\x20-\x7e]/g, "?");

const escaped = (text) => ascii(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

function value(given) {
  if (typeof given === "object") {
    const members = Object.entries(given).map(([name, each]) => `<member><name>${escaped(name)}</name>${value(each)}</member>`);
    return `<value><struct>${members.join("")}</struct></value>`;
  }
  return `<value><string>${escaped(given)}</string></value>`;
}

async function call(method, parameters, timeout) {
  const body = `<?xml version="1.0"?><methodCall><methodName>samp.webhub.${method}</methodName><params>${parameters
    .map((each) => `<param>${value(each)}</param>`)
    .join("")}</params></methodCall>`;
  const response = await fetch(HUB, {
    method: "POST",
    body,
    headers: { "Content-Type": "text/plain" },
    credentials: "omit",
    signal: AbortSignal.timeout(timeout),
  });
  const document = new DOMParser().parseFromString(await response.text(), "text/xml");
  if (!response.ok || document.querySelector("fault")) throw new Error(method);
  return document;
}

function member(document, name) {
  for (const each of document.querySelectorAll("member")) {
    if (each.querySelector("name").textContent === name) return each.querySelector("value").textContent.trim();
  }
  throw new Error(name);
}

export async function sendTable(url, id, name, application) {
  await call("ping", [], 3000);
  const registration = await call("register", [{ "samp.name": application }], 60000);
  const key = member(registration, "samp.private-key");
  try {
    await call("declareMetadata", [key, { "samp.name": application }], 10000);
    await call(
      "notifyAll",
      [key, { "samp.mtype": "table.load.votable", "samp.params": { url, "table-id": id, name } }],
      10000,
    );
  } finally {
    await call("unregister", [key], 10000);
  }
}
