type Page = { readonly path: string; readonly text: string };

/** Returns the contents of a page's code blocks in these languages. */
export const blocksOf = (text: string, ...languages: readonly string[]): readonly string[] =>
  [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].flatMap(([, language = "", block = ""]) =>
    languages.includes(language) ? [block] : [],
  );

/** Returns the first column of the table that is marked `<!-- tested: NAME -->`. Throws if no page has it. */
export const listOf = (pages: readonly Page[], name: string): readonly string[] => {
  const table = new RegExp(`<!-- tested: ${name} -->\\n\\n((?:\\|.*\\n)+)`);
  const page = pages.find(({ text }) => table.test(text));
  if (page === undefined) throw new Error(`no page has a table marked '<!-- tested: ${name} -->'`);
  const [, rows = ""] = table.exec(page.text) ?? [];
  return [...rows.matchAll(/^\| `([^`]+)` +\|/gm)].map(([, cell = ""]) => cell);
};

/** A code block of shell commands. */
export type ShellBlock = {
  /** Its page and heading, such as `README.md: Install`; with a number if the heading has several. */
  readonly name: string;
  /** Its commands, without the comments behind them. */
  readonly commands: readonly string[];
};

/** Returns the `sh` and `bash` blocks of a page. */
export const shellBlocksOf = ({ path, text }: Page): readonly ShellBlock[] => {
  const counts = new Map<string, number>();
  let heading = "";
  return [...text.matchAll(/^#+ (.*)$|^```(\w*)\n([\s\S]*?)^```$/gm)].flatMap(
    ([, title, language = "", block = ""]) => {
      if (title !== undefined) heading = title;
      if (!["sh", "bash"].includes(language)) return [];
      const count = (counts.get(heading) ?? 0) + 1;
      counts.set(heading, count);
      const name = `${path}: ${heading}${count === 1 ? "" : ` (${count})`}`;
      return [{ name, commands: commandsOf(block) }];
    },
  );
};

/** Returns the commands of a block: its lines, each with those that it continues on. */
const commandsOf = (block: string): readonly string[] =>
  block
    .replaceAll(/\\\n/g, " ")
    .split("\n")
    .map((line) => line.replace(/(^| +)# .*$/, "").trim())
    .filter((line) => line !== "");
