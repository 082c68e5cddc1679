// Runs scripts of the page as Gradio does: put together, as the body of one function.
import { readFileSync } from "node:fs";
import { compileFunction } from "node:vm";

const ASSETS = new URL("../../assets/", import.meta.url);

/** The names in a folder's scripts.json, in their order. */
export function scripts(folder) {
  return JSON.parse(readFileSync(new URL(`${folder}/scripts.json`, ASSETS), "utf8"));
}

/** The scripts as one text. */
export function source(folder, names = scripts(folder)) {
  return names.map((name) => readFileSync(new URL(`${folder}/${name}`, ASSETS), "utf8")).join("\n");
}

/** Run some scripts of a folder and give what they declare as `wanted`; `given`: what else they find by name. */
export function load(folder, names, wanted, given = {}) {
  const surroundings = { navigator: { language: "en" }, ...given };
  const body = `${source(folder, names)}\nreturn { ${wanted.join(", ")} };`;
  return compileFunction(body, Object.keys(surroundings))(...Object.values(surroundings));
}
