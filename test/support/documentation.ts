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
