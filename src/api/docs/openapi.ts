import { FAILURES, type FailureCode } from "../shapes/failure.ts";

/** What a route says of itself: its schemas are the ones that check its requests and answers. */
export type DescribedRoute = {
  readonly method: string;
  readonly path: string;
  readonly hooks: {
    readonly detail?: Readonly<Record<string, unknown>>;
    readonly params?: Schema;
    readonly query?: Schema;
    readonly headers?: Schema;
    readonly body?: Schema;
    readonly response?: Readonly<Record<string, Schema>>;
  };
};

/** A schema as the checking library writes it, as far as the routes use it. */
type Schema = {
  readonly title?: string;
  readonly description?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly const?: unknown;
  /** Names of headers that go with it, as an answer. */
  readonly "x-headers"?: readonly string[];
  /** The types that it comes in, as an answer that is no JSON. */
  readonly "x-content"?: Readonly<Record<string, { readonly example: string; readonly itemSchema?: Schema }>>;
};

/** The description of the API, OpenAPI 3.1: https://spec.openapis.org/oas/v3.1.1 */
export const openApi = (routes: readonly DescribedRoute[], version: string) => {
  const components = new Components();
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route, components) };
  }
  return {
    openapi: "3.1.1",
    info: INFO(version),
    servers: [{ url: "/" }],
    security: [{}, { token: [] }],
    tags: TAGS,
    paths,
    components: {
      schemas: components.schemas,
      responses: failureResponses(components),
      headers: HEADERS,
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "Needed where a token is set; loopback needs none." },
      },
    },
  };
};

const INFO = (version: string) => ({
  title: "petit",
  version,
  summary: "A job scheduler in one executable",
  description:
    "Times are integers, milliseconds since the Unix epoch. A failure is always `{error, code}`. Every `GET` answers `HEAD` too; " +
    "a method that does not go with its path is answered 405 with `Allow`. Bodies are read as JSON whatever their content type.",
  license: { name: "MIT", identifier: "MIT" },
});

const TAGS = [
  { name: "jobs", description: "Definitions, and running them" },
  { name: "runs", description: "What was run, and what it wrote" },
  { name: "scheduler", description: "petit itself" },
];

const HEADERS = {
  "X-Request-Id": { description: "Names the request in petit's log", schema: { type: "string", format: "uuid" } },
  Location: { description: "Path of the run", schema: { type: "string" } },
  "Retry-After": { description: "Seconds to wait before another try", schema: { type: "integer" } },
  Allow: { description: "The methods that go with the path", schema: { type: "string" } },
  "WWW-Authenticate": { description: "How to authenticate", schema: { type: "string" } },
};

const operation = ({ hooks }: DescribedRoute, components: Components) => ({
  ...hooks.detail,
  parameters: [
    ...parameters(hooks.params, "path", components),
    ...parameters(hooks.query, "query", components),
    ...parameters(hooks.headers, "header", components),
  ],
  ...(hooks.body === undefined ? {} : { requestBody: { required: false, content: json(hooks.body, components) } }),
  responses: Object.fromEntries(
    Object.entries(hooks.response ?? {}).map(([status, schema]) => [status, answer(schema, components)]),
  ),
});

const parameters = (schema: Schema | undefined, place: string, components: Components) => {
  const required = new Set(schema?.required);
  return Object.entries(schema?.properties ?? {}).map(([name, { description, ...rest }]) => ({
    name,
    in: place,
    required: required.has(name),
    description,
    schema: components.use(rest),
  }));
};

const answer = (schema: Schema, components: Components) => {
  if (FAILURE_SCHEMAS.has(schema)) return { $ref: `#/components/responses/${schema.title}` };
  const names = ["X-Request-Id", ...(schema["x-headers"] ?? [])];
  return {
    description: schema.description ?? schema.title,
    headers: headers(names),
    content: content(schema, components),
  };
};

const FAILURE_SCHEMAS: ReadonlySet<Schema> = new Set(Object.values(FAILURES));

const failureResponses = (components: Components) =>
  Object.fromEntries(
    Object.entries(FAILURES).map(([code, schema]) => [
      schema.title,
      {
        description: schema.description,
        headers: headers(["X-Request-Id", ...(FAILURE_HEADERS[code as FailureCode] ?? [])]),
        content: json(schema, components),
      },
    ]),
  );

const FAILURE_HEADERS: { readonly [Code in FailureCode]?: readonly string[] } = {
  UNAUTHORIZED: ["WWW-Authenticate"],
  METHOD_NOT_ALLOWED: ["Allow"],
  TOO_MANY_REQUESTS: ["Retry-After"],
  SERVICE_UNAVAILABLE: ["Retry-After"],
};

const headers = (names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));

const content = (schema: Schema, components: Components) => {
  const types = schema["x-content"];
  if (types === undefined) return json(schema, components);
  return Object.fromEntries(
    Object.entries(types).map(([type, { example, itemSchema }]) => [
      type,
      {
        schema: { type: "string" },
        example,
        ...(itemSchema === undefined ? {} : { "x-item-schema": components.use(itemSchema) }),
      },
    ]),
  );
};

const json = (schema: Schema, components: Components) => ({ "application/json": { schema: components.use(schema) } });

/** The schemas that have a title, each written once and referred to by it. */
class Components {
  readonly schemas: Record<string, unknown> = {};

  /** A schema as JSON Schema, or the reference to it. */
  use(schema: Schema): unknown {
    if (schema.title === undefined) return this.#plain(schema);
    this.schemas[schema.title] ??= this.#plain(schema);
    return { $ref: `#/components/schemas/${schema.title}` };
  }

  /** What the checking library writes in its own way is written as readers of OpenAPI expect it. */
  #plain({ title: _title, properties, patternProperties, items, anyOf, ...rest }: Schema): object {
    const [values] = Object.values(patternProperties ?? {});
    return {
      ...Object.fromEntries(Object.entries(rest).filter(([keyword]) => !keyword.startsWith("x-"))),
      ...(properties === undefined ? {} : { properties: mapValues(properties, (each) => this.use(each)) }),
      ...(values === undefined ? {} : { additionalProperties: this.use(values) }),
      ...(items === undefined ? {} : { items: this.use(items) }),
      ...(anyOf === undefined ? {} : this.#anyOf(anyOf)),
    };
  }

  /** A choice between words is an enumeration. */
  #anyOf(schemas: readonly Schema[]): object {
    const words = schemas.map((schema) => schema.const);
    return words.includes(undefined)
      ? { anyOf: schemas.map((schema) => this.use(schema)) }
      : { type: "string", enum: words };
  }
}

const mapValues = <From, To>(record: Readonly<Record<string, From>>, map: (value: From) => To): Record<string, To> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
