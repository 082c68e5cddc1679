// Gradio makes one function of the scripts of a folder (app/web/components), so they are linted as one: what a file
// names may be declared in another, and what no file uses is dead.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

import js from "@eslint/js";
import globals from "globals";

const GRADIO = { element: "readonly", props: "readonly", trigger: "readonly", watch: "readonly", LANGUAGES: "readonly" };

/** For each line of the function the file and the line it came from, by the path of scripts.json. */
const origins = new Map();

const together = {
  preprocess(text, path) {
    const lines = JSON.parse(text).flatMap((name) =>
      readFileSync(join(dirname(path), name), "utf8").split("\n").map((line, i) => ({ name, number: i + 1, line })),
    );
    origins.set(path, lines);
    return [{ text: `(function () {${lines.map(({ line }) => line).join("\n")}\n})();\n`, filename: "all.js" }];
  },
  postprocess([messages], path) {
    return messages.map((message) => {
      const { name, number } = origins.get(path)[message.line - 1] ?? {};
      return { ...message, message: `${name}:${number}: ${message.message}`, fix: undefined, suggestions: undefined };
    });
  },
};

export default [
  { ignores: [".venv/", "benchmarks/results/", "assets/*/*.js"] },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  { files: ["assets/*/scripts.json"], plugins: { scripts: { processors: { together } } }, processor: "scripts/together" },
  {
    files: ["**/*.js", "**/*.mjs"],
    ...js.configs.recommended,
    rules: {
      ...js.configs.recommended.rules,
      curly: ["error", "multi-line"],
      eqeqeq: "error",
      "no-shadow": ["error", { builtinGlobals: false, hoist: "never" }],
      "no-use-before-define": ["error", { functions: false, classes: false, variables: false }],
      "no-var": "error",
      "prefer-const": ["error", { destructuring: "all" }],
    },
  },
  { files: ["assets/**/*.js"], languageOptions: { sourceType: "script", globals: { ...globals.browser, ...GRADIO } } },
  { files: ["assets/*.js"], rules: { "no-unused-vars": ["error", { vars: "local" }] } }, // scripts that stand alone, or are shared
  { files: ["**/*.mjs"], languageOptions: { sourceType: "module", globals: globals.node } },
];
