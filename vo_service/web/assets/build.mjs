// Bundles the scripts and styles of the website into the folder that is named, with the licences of what is in them.
import { build } from "esbuild";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";

const out = process.argv[2];
await rm(out, { recursive: true, force: true });
const result = await build({
  entryPoints: ["src/site.js", "src/upload.js", "src/query.js", "src/plots.js", "src/site.css"],
  outdir: out,
  bundle: true,
  minify: true,
  metafile: true,
  format: "iife",
  target: ["es2021"],
  legalComments: "none",
  logLevel: "warning",
});

const packages = new Set();
for (const input of Object.keys(result.metafile.inputs)) {
  const found = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
  if (found) packages.add(found[1]);
}
const licences = [];
for (const name of [...packages].sort()) {
  const folder = `node_modules/${name}`;
  const about = JSON.parse(await readFile(`${folder}/package.json`, "utf8"));
  const file = (await readdir(folder)).find((each) => /^licen[cs]e/i.test(each));
  const text = file ? await readFile(`${folder}/${file}`, "utf8") : about.license;
  licences.push(`${name} ${about.version}\n\n${text.trim()}\n`);
}
await writeFile(`${out}/licences.txt`, licences.join(`\n${"-".repeat(72)}\n\n`));
