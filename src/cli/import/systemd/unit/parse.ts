/** A line `Name=value` of a unit file. */
export type Directive = {
  readonly section: string;
  readonly name: string;
  readonly value: string;
  readonly file: string;
  readonly line: number;
};

type ParsedUnit = {
  readonly directives: readonly Directive[];
  readonly problems: readonly { readonly file: string; readonly line: number; readonly message: string }[];
};

/** Reads a unit file or drop-in by the rules of systemd.syntax(7): continued lines, comments between them, sections. */
export const parseUnit = (text: string, file: string): ParsedUnit => {
  const directives: Directive[] = [];
  const problems: { file: string; line: number; message: string }[] = [];
  let section = "";
  for (const { line, text: content } of joinLines(text)) {
    const header = /^\[([^\]]+)\]$/.exec(content)?.[1];
    if (header !== undefined) {
      section = header;
      continue;
    }
    const [, name, value = ""] = /^([^=\s][^=]*?)\s*=\s*(.*)$/s.exec(content) ?? [];
    if (name === undefined)
      problems.push({ file, line, message: `'${content}' is not understood; expected NAME=VALUE` });
    else if (section === "")
      problems.push({
        file,
        line,
        message: `'${name}' is outside of a section; expected [Timer], [Service] or the like above it`,
      });
    else directives.push({ section, name, value, file, line });
  }
  return { directives, problems };
};

/** Joins lines that end with a backslash that is not escaped, with a blank between them. A blank after the backslash keeps them apart. Comments and blank lines are left out. */
const joinLines = (text: string): readonly { readonly line: number; readonly text: string }[] => {
  const joined: { line: number; text: string }[] = [];
  let open: { line: number; text: string } | null = null;
  for (const [index, raw] of text
    .replace(/^\uFEFF/, "")
    .split("\n")
    .entries()) {
    const content = raw.trimStart().replace(/\r$/, "");
    if (/^[#;]/.test(content) || (content === "" && open === null)) continue;
    const continues = /(?<!\\)(?:\\\\)*\\$/.test(content);
    const part = continues ? content.slice(0, -1) : content;
    const current: { line: number; text: string } =
      open === null ? { line: index + 1, text: part } : { line: open.line, text: `${open.text} ${part}` };
    open = continues ? current : null;
    if (open === null) joined.push(current);
  }
  return (open === null ? joined : [...joined, open]).map((each) => ({ ...each, text: each.text.trim() }));
};

/** Returns the values of a setting that is a list. An empty value clears what came before. */
export const listOf = (
  directives: readonly Directive[],
  section: string,
  ...names: readonly string[]
): readonly Directive[] => {
  const all = directives.filter((each) => each.section === section && names.includes(each.name));
  return all.slice(all.findLastIndex(({ value }) => value === "") + 1);
};

/** Returns the last value of a setting, or null if there is none or it is empty. */
export const lastOf = (
  directives: readonly Directive[],
  section: string,
  ...names: readonly string[]
): Directive | null => {
  const last = directives.filter((each) => each.section === section && names.includes(each.name)).at(-1);
  return last === undefined || last.value === "" ? null : last;
};

/** Reads a boolean of systemd; null if it is none. */
export const booleanOf = (value: string): boolean | null => {
  if (/^(?:1|yes|y|true|t|on)$/i.test(value)) return true;
  return /^(?:0|no|n|false|f|off)$/i.test(value) ? false : null;
};
