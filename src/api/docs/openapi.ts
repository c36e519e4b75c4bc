import type { NeededRole } from "../../domain/people/role.ts";
import type { RouteScope } from "../../domain/people/scope.ts";
import { FAILURES, type FailureCode } from "../shapes/failure.ts";

/** A route with the schemas that check its requests and answers. */
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

export type DescribedApi = {
  readonly routes: readonly DescribedRoute[];
  /** The role that each route needs, by its method and path. */
  readonly roles: Readonly<Record<string, NeededRole>>;
  /** What each route is about, by its method and path. */
  readonly scopes: Readonly<Record<string, RouteScope>>;
};

/** A schema of the validation library, as far as the routes use it. */
type Schema = {
  readonly title?: string;
  readonly description?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly const?: unknown;
  /** Names of the headers of an answer with this schema. */
  readonly "x-headers"?: readonly string[];
  /** The schema of each line of an answer that can also be JSON lines. */
  readonly "x-lines"?: Schema;
  /** Content types of an answer that is not JSON. */
  readonly "x-content"?: Readonly<Record<string, Content>>;
};

type Content = {
  readonly example: string;
  /** The schema of each record. For server-sent events, that of their data. */
  readonly itemSchema?: Schema;
  /** For server-sent events. */
  readonly events?: EventFields;
};

type EventFields = {
  /** The title of the schema of an event. */
  readonly title: string;
  /** The values of the field `event`; empty if events have none. */
  readonly types: readonly string[];
};

/** Builds the description of the API as OpenAPI 3.1: https://spec.openapis.org/oas/v3.1.1 */
export const buildOpenApi = ({ routes, roles, scopes }: DescribedApi, version: string) => {
  const components = new Components();
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, "{$1}").replace("*", "{path}");
    paths[path] = {
      ...paths[path],
      [route.method.toLowerCase()]: {
        ...operation(route, components),
        "x-role": roles[`${route.method} ${route.path}`],
        "x-scope": scopes[`${route.method} ${route.path}`],
      },
    };
  }
  return {
    openapi: "3.1.1",
    info: INFO(version),
    servers: [{ url: "/" }],
    security: [{}, { token: [] }, { session: [] }],
    tags: TAGS,
    paths,
    components: {
      schemas: components.schemas,
      responses: failureResponses(components),
      headers: HEADERS,
      securitySchemes: {
        token: {
          type: "http",
          scheme: "bearer",
          description: "Required if petit has a token. Without one, petit listens on loopback only.",
        },
        session: {
          type: "apiKey",
          in: "cookie",
          name: "petit_session",
          description:
            "The cookie that `POST /api/session` sets, for browsers. Its name ends with `_` and the port of the `Host`, if there is one.",
        },
      },
    },
  };
};

const INFO = (version: string) => ({
  title: "petit",
  version,
  summary: "A job scheduler in one executable",
  description:
    "Times are integers in milliseconds since the Unix epoch. A failure is always `{error, code}`, with `details` for programs if " +
    "there are any. Every `GET` also answers `HEAD`; another method than those of the path is answered with 405 and `Allow`. " +
    "Request bodies are read as JSON, whatever their content type. `x-role` is the role that an operation needs: `viewer`, `operator` or `admin`, each of " +
    "which may do what those before it may, or `none`, if it needs no token. `x-scope` says what it means for a token that is limited to some jobs: `jobs`: the " +
    "operation answers as if there were no others; `all`: it concerns all jobs and is refused with 403; `none`: it is the same for every token.",
  license: { name: "MIT", identifier: "MIT" },
});

const TAGS = [
  { name: "jobs", description: "Job definitions, and triggering jobs" },
  { name: "hooks", description: "Webhooks, and the events that have reached petit" },
  { name: "backfills", description: "Runs for occurrences of the past" },
  { name: "runs", description: "Runs and their output" },
  { name: "workers", description: "Other machines that run tasks" },
  { name: "scheduler", description: "petit itself: scheduler, health, settings and metrics" },
];

const HEADERS = {
  "X-Request-Id": { description: "Id of the request in the log of petit", schema: { type: "string", format: "uuid" } },
  Location: { description: "Path of the run", schema: { type: "string" } },
  "Set-Cookie": { description: "The cookie of the session", schema: { type: "string" } },
  "Retry-After": { description: "Seconds to wait before the next attempt", schema: { type: "integer" } },
  ETag: { description: "The SHA-256 of the content, in quotes", schema: { type: "string" } },
  "Accept-Ranges": { description: "`bytes`", schema: { type: "string" } },
  "Content-Disposition": {
    description: "`inline` for what a browser may show, else `attachment`; with the name of the file",
    schema: { type: "string" },
  },
  "Content-Range": { description: "`bytes */SIZE`", schema: { type: "string" } },
  Allow: { description: "Methods of the path", schema: { type: "string" } },
  "WWW-Authenticate": { description: "How to authenticate", schema: { type: "string" } },
};

const operation = ({ hooks }: DescribedRoute, components: Components) => ({
  ...hooks.detail,
  parameters: [
    ...parameters(hooks.params, "path", components),
    ...parameters(hooks.query, "query", components),
    ...parameters(hooks.headers, "header", components),
  ],
  ...(hooks.body === undefined ? {} : { requestBody: body(hooks.body, components) }),
  responses: Object.fromEntries(
    Object.entries(hooks.response ?? {}).map(([status, schema]) => [status, answer(schema, components)]),
  ),
});

/** A body without required fields can be left out. */
const body = (schema: Schema, components: Components) => ({
  required: (schema.required ?? []).length > 0,
  content: json(schema, components),
});

const parameters = (schema: Schema | undefined, place: string, components: Components) => {
  const required = new Set(schema?.required);
  return Object.entries(schema?.properties ?? {}).map(([name, { description, ...rest }]) => ({
    name: name === "*" ? "path" : name,
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
  RANGE_NOT_SATISFIABLE: ["Content-Range"],
  TOO_MANY_REQUESTS: ["Retry-After"],
  SERVICE_UNAVAILABLE: ["Retry-After"],
};

const headers = (names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));

const content = (schema: Schema, components: Components) => {
  const types = schema["x-content"];
  if (types === undefined) return json(schema, components);
  return Object.fromEntries(
    Object.entries(types).map(([type, { example, itemSchema, events }]) => [
      type,
      {
        ...(events === undefined || itemSchema === undefined
          ? { schema: { type: "string" }, example }
          : { schema: components.ofEvent(events, itemSchema), "x-example": example }),
        ...(itemSchema === undefined ? {} : { "x-item-schema": components.use(itemSchema) }),
      },
    ]),
  );
};

const json = (schema: Schema, components: Components) => ({
  "application/json": { schema: components.use(schema) },
  ...(schema["x-lines"] !== undefined && {
    "application/x-ndjson": { schema: { type: "string" }, "x-item-schema": components.use(schema["x-lines"]) },
  }),
});

/** Collects schemas with a title. Each is written once, and referenced by its title. */
class Components {
  readonly schemas: Record<string, unknown> = {};

  /** Returns a schema as JSON Schema, or a reference to it if it has a title. */
  use(schema: Schema): unknown {
    if (schema.title === undefined) return this.#plain(schema);
    this.schemas[schema.title] ??= this.#plain(schema);
    return { $ref: `#/components/schemas/${schema.title}` };
  }

  /**
   * Returns a reference to the schema of a server-sent event. OpenAPI 3.1 has no keyword for the records of a stream; the schema of
   * `text/event-stream` is that of one event, as tools read it.
   */
  ofEvent({ title, types }: EventFields, data: Schema): unknown {
    const hasType = types.length > 0;
    this.schemas[title] ??= {
      type: "object",
      description: "A server-sent event; comments come between them",
      required: ["id", ...(hasType ? ["event"] : []), "data"],
      properties: {
        id: { type: "string", pattern: "^[0-9]+$", description: "What `Last-Event-ID` resumes after" },
        ...(hasType && { event: { type: "string", enum: types, description: "Type of the event" } }),
        data: {
          type: "string",
          description: "JSON",
          contentMediaType: "application/json",
          contentSchema: this.use(data),
        },
      },
    };
    return { $ref: `#/components/schemas/${title}` };
  }

  /** Converts what the validation library writes in its own way to standard JSON Schema. */
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

  /** A union of constants becomes an enumeration. */
  #anyOf(schemas: readonly Schema[]): object {
    const words = schemas.map((schema) => schema.const);
    return words.includes(undefined)
      ? { anyOf: schemas.map((schema) => this.use(schema)) }
      : { type: "string", enum: words };
  }
}

const mapValues = <From, To>(record: Readonly<Record<string, From>>, map: (value: From) => To): Record<string, To> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
