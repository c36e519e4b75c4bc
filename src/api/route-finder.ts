/** Returns the route that a request has, as it is declared, such as `GET /api/jobs/:job_id`; null if there is none. */
export type FindRoute<Route extends string> = (method: string, path: string) => Route | null;

/** The routes with one beginning. */
type Node<Route> = {
  readonly named: Map<string, Node<Route>>;
  /** Behind any one part, which a name such as `:job_id` stands for. */
  any: Node<Route> | null;
  /** The route that ends here. */
  route: Route | null;
  /** The route that has at least one more part, which `*` stands for. */
  rest: Route | null;
};

const newNode = <Route>(): Node<Route> => ({ named: new Map(), any: null, route: null, rest: null });

/** Names win over parts that stand for any text, as in the router of the API. A slash at the end of a path is ignored. */
export const createRouteFinder = <Route extends string>(routes: readonly Route[]): FindRoute<Route> => {
  const methods = newNode<Route>();
  for (const route of routes) add(methods, route);
  return (method, path) => {
    const root = methods.named.get(method);
    if (root === undefined || !path.startsWith("/")) return null;
    const parts = path.split("/");
    const end = parts.at(-1) === "" ? parts.length - 1 : parts.length;
    return find(root, parts.slice(1, end), 0);
  };
};

const add = <Route extends string>(methods: Node<Route>, route: Route): void => {
  const [method = "", path = ""] = route.split(" ");
  const parts = [method, ...path.split("/").slice(1)];
  let node = methods;
  for (const part of parts) {
    if (part === "*") {
      node.rest = route;
      return;
    }
    node = part.startsWith(":") ? anyOf(node) : namedOf(node, part);
  }
  node.route = route;
};

const anyOf = <Route>(node: Node<Route>): Node<Route> => {
  node.any ??= newNode();
  return node.any;
};

const namedOf = <Route>(node: Node<Route>, part: string): Node<Route> => {
  const found = node.named.get(part) ?? newNode();
  node.named.set(part, found);
  return found;
};

const find = <Route>(node: Node<Route>, parts: readonly string[], index: number): Route | null => {
  const part = parts[index];
  if (part === undefined) return node.route;
  const named = node.named.get(part);
  const behindName = named === undefined ? null : find(named, parts, index + 1);
  if (behindName !== null) return behindName;
  const behindAny = node.any === null || part === "" ? null : find(node.any, parts, index + 1);
  return behindAny ?? node.rest;
};
