import type { ImportProblem } from "../imported.ts";

/** A value of JSON as JSON.parse returns it. */
export type Plain = null | boolean | number | string | readonly Plain[] | { readonly [name: string]: Plain };

export type PlainMap = { readonly [name: string]: Plain };

/** A record of an export: a key and a JSON object. */
export type ExportRecord = { readonly line: number; readonly key: string; readonly value: PlainMap };

/** Reads an export of Cronicle: a line `KEY - JSON` for each record, after comments. */
export const readExport = (
  text: string,
  file: string,
): { readonly records: readonly ExportRecord[]; readonly problems: readonly ImportProblem[] } => {
  const records: ExportRecord[] = [];
  const problems: ImportProblem[] = [];
  for (const [index, content] of text.split(/\r?\n/).entries()) {
    const line = index + 1;
    if (content.trim() === "" || content.startsWith("#")) continue;
    const [, key, json] = /^(\w[\w\-./]*)\s+-\s+(\{.*\})\s*$/.exec(content) ?? [];
    const value = json === undefined ? null : parseMap(json);
    if (key === undefined || value === null)
      problems.push({
        file,
        line,
        message: "is not a record of Cronicle; expected KEY - JSON, as `control.sh export` writes it",
      });
    else records.push({ line, key, value });
  }
  return { records, problems };
};

const parseMap = (json: string): PlainMap | null => {
  try {
    const value: Plain = JSON.parse(json);
    return asMap(value);
  } catch {
    return null;
  }
};

export const asMap = (value: Plain | undefined): PlainMap | null =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as PlainMap) : null;

/** Returns the items of a list, such as `global/schedule`, from its pages. */
export const itemsOf = (
  records: readonly ExportRecord[],
  list: string,
): readonly { readonly line: number; readonly item: PlainMap }[] =>
  records
    .filter(({ key }) => key.startsWith(`${list}/`))
    .flatMap(({ line, value }) =>
      (Array.isArray(value.items) ? value.items : []).flatMap((item) => {
        const map = asMap(item);
        return map === null ? [] : [{ line, item: map }];
      }),
    );

/** Whether a plugin or a category says that it is not enabled. */
export const isOff = (map: PlainMap | null): boolean =>
  map !== null && (map.enabled === 0 || map.enabled === false || map.enabled === "0");
