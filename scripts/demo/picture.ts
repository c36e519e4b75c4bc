// Draws docs/petit.svg, the picture in the README, from the output of real commands on a terminal.
// Run it with Bun after scripts/build. Requires `script` of util-linux.
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");
const COMMANDS = ["petit next examples/jobs", "petit trigger examples/jobs data_pipeline"];
const COLUMNS = 88;
const COLORS: Readonly<Record<string, string>> = {
  "1": "#f0f6fc",
  "2": "#8b949e",
  "31": "#ff7b72",
  "32": "#7ee787",
  "33": "#e3b341",
  "36": "#79c0ff",
};
const TEXT = "#c9d1d9";
const [CHAR, LINE, PAD, BAR] = [8.43, 20, 18, 34];

/** Returns what a terminal shows after the command, without erased progress lines. */
const outputOf = (command: string): string => {
  const inTerminal = `stty cols ${COLUMNS}; ${command.replace(/^petit/, join(ROOT, "dist/petit"))}`;
  const { stdout } = spawnSync("script", ["-qec", inTerminal, "/dev/null"], {
    cwd: ROOT,
    env: { ...process.env, TERM: "xterm-256color", NO_COLOR: "" },
    encoding: "utf8",
  });
  return withoutErased(stdout).split("\n").map(finalText).join("\n").trimEnd();
};

/** Removes the lines of live progress that the output erased again: the cursor goes up some lines, and the rest is erased. */
const withoutErased = (output: string): string =>
  output.split(/\u001b\[(?=\d+A\r?\u001b\[J)/).reduce((before, part) => {
    const [, up = "0", after = ""] = /^(\d+)A\r?\u001b\[J(.*)$/s.exec(part) ?? [];
    return [...before.split("\n").slice(0, -1 - Number(up)), after].join("\n");
  });

/** Returns the final text of a line whose earlier texts were overwritten. */
const finalText = (line: string): string =>
  line
    .split("\r")
    .filter((part) => part.trim() !== "")
    .at(-1) ?? "";

type Span = { readonly text: string; readonly color: string; readonly bold: boolean };

/** Splits a line into spans of one color. */
const spansOf = (line: string): readonly Span[] => {
  let [color, bold] = [TEXT, false];
  return line.split("\u001b[").flatMap((part, index) => {
    const [, code, text] = index === 0 ? ["", "", part] : (/^(\d+)m(.*)$/s.exec(part) ?? ["", "", ""]);
    if (code !== "" && code !== undefined) [color, bold] = [COLORS[code] ?? TEXT, code === "1"];
    return text ? [{ text, color, bold }] : [];
  });
};

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(" ", "\u00a0");

const drawLine = (line: string, row: number): string => {
  let column = 0;
  const spans = spansOf(line).map(({ text, color, bold }) => {
    // Some renderers drop leading blanks.
    const blanks = text.length - text.trimStart().length;
    const x = PAD + (column + blanks) * CHAR;
    column += [...text].length;
    return `<tspan x="${x.toFixed(1)}" fill="${color}"${bold ? ' font-weight="bold"' : ""}>${escaped(text.trim())}</tspan>`;
  });
  return `<text y="${BAR + PAD + row * LINE}">${spans.join("")}</text>`;
};

const lines = COMMANDS.flatMap((command) => [
  `\u001b[2m$\u001b[22m \u001b[1m${command}\u001b[22m`,
  ...outputOf(command).split("\n"),
  "",
]).slice(0, -1);
const [width, height] = [Math.round(COLUMNS * CHAR + 2 * PAD), BAR + lines.length * LINE + PAD + 4];
const dots = ["#ff5f57", "#febc2e", "#28c840"].map(
  (fill, at) => `<circle cx="${20 + at * 18}" cy="18" r="6" fill="${fill}"/>`,
);

mkdirSync(join(ROOT, "docs"), { recursive: true });
writeFileSync(
  join(ROOT, "docs", "petit.svg"),
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" role="img" aria-label="petit in a terminal">
<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>
${dots.join("")}
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14">
${lines.map(drawLine).join("\n")}
</g>
</svg>
`,
);
