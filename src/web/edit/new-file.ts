/** Returns the text of a new file: that of a template, whose job gets the name of the file as its id. */
export const startingText = (path: string, template: string): string => {
  const id = idOf(path);
  return id === null ? template : template.replace(/^id: .*$/m, () => `id: ${id}`);
};

/** Returns the id that the name of a file stands for, or null if that can't be an id. */
const idOf = (path: string): string | null => {
  const name = path.replace(/^.*\//, "").replace(/\.ya?ml$/, "");
  return /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(name) ? name : null;
};

/** Returns the path of a new file as it was typed, with the extension that may be left out. */
export const newPath = (typed: string): string => {
  const path = typed.trim();
  return path === "" || /\.ya?ml$/.test(path) ? path : `${path}.yaml`;
};

/** Returns what is wrong with the path of a new file, or null. petit itself checks the rest. */
export const newPathProblem = (path: string, existing: readonly string[]): string | null => {
  if (path === "") return null;
  if (path.includes("\\") || path.startsWith("/"))
    return "Expected a path within the folder, such as backup.yaml or nightly/backup.yaml";
  if (path.split("/").some((part) => part === "" || part.startsWith(".")))
    return "No part of the path may be empty or begin with a dot";
  if (existing.includes(path)) return `${path} exists already`;
  return null;
};
