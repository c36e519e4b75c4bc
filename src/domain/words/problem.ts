type Place = { readonly file: string; readonly line: number; readonly column: number };

/** Returns where a problem of a job file is, such as `etl.yaml:3:1`; empty for a problem of the folder, or the commit, as a whole. */
export const problemPlace = ({ file, line, column }: Place): string =>
  file === "." ? "" : `${file}:${line}:${column}`;
