// Colours, by the name of a file.
import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import css from "highlight.js/lib/languages/css";
import dockerfile from "highlight.js/lib/languages/dockerfile";
import ini from "highlight.js/lib/languages/ini";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import makefile from "highlight.js/lib/languages/makefile";
import markdown from "highlight.js/lib/languages/markdown";
import nginx from "highlight.js/lib/languages/nginx";
import python from "highlight.js/lib/languages/python";
import sql from "highlight.js/lib/languages/sql";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";

const LANGUAGES = {
  bash, css, dockerfile, ini, javascript, json, makefile, markdown, nginx, python, sql, xml, yaml,
};
for (const [name, language] of Object.entries(LANGUAGES)) hljs.registerLanguage(name, language);

const PATTERNS: readonly [RegExp, keyof typeof LANGUAGES][] = [
  [/(^|\/)(Docker|Container)file[^/]*$/, "dockerfile"],
  [/(^|\/)(Makefile|[^/]*\.mk)$/, "makefile"],
  [/(^|\/)nginx\/|\.conf(\.template)?$/, "nginx"],
  [/\.pyi?$/, "python"],
  [/\.ya?ml$/, "yaml"],
  [/\.jsonc?$/, "json"],
  [/\.(toml|ini|cfg|editorconfig)$|(^|\/)(Pipfile|\.editorconfig|\.env[\w.]*)$/, "ini"],
  [/\.(sh|bash)$/, "bash"],
  [/\.md$/, "markdown"],
  [/\.(html|xml|svg)$/, "xml"],
  [/\.css$/, "css"],
  [/\.[cm]?js$/, "javascript"],
  [/\.sql$/, "sql"],
];

const SIGNS: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

/** Write a text as HTML, coloured as the file's language asks for. */
export function highlight(path: string, text: string): string {
  const language = PATTERNS.find(([pattern]) => pattern.test(path))?.[1];
  if (!language) return text.replace(/[&<>]/g, (sign) => SIGNS[sign]!);
  return hljs.highlight(text, { language, ignoreIllegals: true }).value;
}
