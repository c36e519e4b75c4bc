/** Returns an id of a job or a task for a name that may have other characters. */
export const idOfName = (name: string, otherwise: string): string => {
  const id = name
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .replace(/[^A-Za-z0-9_.-]+/g, "-")
    .slice(0, 100)
    .replace(/^[^A-Za-z0-9]+|[-.]+$/g, "");
  return id === "" ? otherwise : id;
};
