/** The methods that go with a path, `HEAD` wherever `GET` does; none where there is no such path. */
export const allowedMethods = (
  routes: readonly { readonly method: string; readonly path: string }[],
): ((path: string) => readonly string[]) => {
  const patterns = routes.map(({ method, path }) => ({ method, pattern: pathPattern(path) }));
  return (path) => {
    const methods = new Set<string>();
    for (const { method, pattern } of patterns) {
      if (!pattern.test(path)) continue;
      methods.add(method);
      if (method === "GET") methods.add("HEAD");
    }
    return [...methods].sort();
  };
};

/** `/api/jobs/:job_id` as a regular expression; a slash at the end is as good as none. */
const pathPattern = (path: string): RegExp =>
  new RegExp(`^${path.replaceAll(".", "\\.").replaceAll(/:\w+/g, "[^/]+")}/?$`);
