/** Returns whether Dagu replaces a part of a text when the DAG runs: a variable or the output of a command. */
export const isDynamic = (text: string): boolean => /\$[A-Za-z0-9_{(]|`/.test(text);

/** Quotes a text for a POSIX shell such that variables and commands in it are replaced, as Dagu does it. */
export const dynamicText = (text: string): string => {
  const modern = text.replace(/`([^`]*)`/g, (_, command: string) => `$(${command})`);
  const parts = modern.split(/(\$\((?:[^()]|\([^()]*\))*\))/);
  return `"${parts.map((part, index) => (index % 2 === 1 ? part : part.replace(/\\/g, "\\\\").replace(/"/g, '\\"'))).join("")}"`;
};

/** A script that `/bin/sh -e` runs, in parts. */
export type Script = {
  /** Lines before the command: variables, the folder. */
  readonly prelude: readonly string[];
  /** What runs the body: null for the shell itself. */
  readonly interpreter: readonly string[] | null;
  readonly body: string;
  /** The variable that gets the output; null if there is none. */
  readonly output: string | null;
};

type ShellTask = { readonly type: "shell"; readonly script: string; readonly shell?: string[] };

/** Returns the fields of a task that runs a script. */
export const shellTask = ({ prelude, interpreter, body, output }: Script): ShellTask => {
  const text = body.endsWith("\n") ? body : `${body}\n`;
  if (prelude.length === 0 && output === null)
    return interpreter === null
      ? { type: "shell", script: text }
      : { type: "shell", shell: [...interpreter], script: text };
  const run = interpreter === null ? text : fileOf(interpreter, text);
  const captured = output === null ? run : capture(output, run);
  return { type: "shell", script: [...prelude.map((line) => `${line}\n`), captured].join("") };
};

/** Writes a script for another interpreter to a file, and runs it. */
const fileOf = (interpreter: readonly string[], text: string): string => {
  let end = "END_OF_SCRIPT";
  while (text.includes(end)) end = `${end}_`;
  return `file=$(mktemp)\ntrap 'rm -f "$file"' EXIT\ncat > "$file" <<'${end}'\n${text}${end}\n${interpreter.join(" ")} "$file"\n`;
};

/** Keeps what a script prints as an output of the task, and prints it. A failure ends the task as without. */
const capture = (output: string, text: string): string =>
  `set +e\nresult=$(\nset -e\n${text})\nstatus=$?\nset -e\nprintf '%s\\n' "$result"\n[ "$status" -eq 0 ] || exit "$status"\n` +
  `{ echo '${output}<<END_OF_OUTPUT'; printf '%s\\n' "$result"; echo END_OF_OUTPUT; } >> "$PETIT_OUTPUT"\n`;

/** Splits a command line into words at white space outside of quotes and of commands in it. */
export const splitLine = (text: string): readonly string[] =>
  [...text.matchAll(/(?:`[^`]*`|\$\([^()]*\)|[^\s"'`]|"(?:[^"\\]|\\.)*"|'[^']*'|["'`])+/g)].map(([word]) =>
    word.replace(
      /"((?:[^"\\]|\\.)*)"|'([^']*)'/g,
      (_, double?: string, single?: string) => double?.replace(/\\(.)/g, "$1") ?? single ?? "",
    ),
  );
