import type { Routes } from "../api/routes/routes.ts";

/** Every route as the server declares it. These are types only: no code of the server is imported. */
type Tree = Routes["~Routes"];

export type Method = "get" | "post" | "put" | "delete";

/** The declaration of a path such as `/api/runs/:run_id`; `never` if the server has no such route. */
type Endpoint<M extends Method, Path extends string> = Path extends `/${infer Rest}`
  ? At<Tree, [...Segments<Rest>, M]>
  : never;

/** The path if the server has it for this method, else `never`. */
export type KnownPath<M extends Method, Path extends string> = [Endpoint<M, Path>] extends [never] ? never : Path;

/** The body of a successful response. */
export type ResponseBody<M extends Method, Path extends string> = PropertyOf<
  PropertyOf<Endpoint<M, Path>, "response">,
  200 | 201
>;

/**
 * The options of a request. The names in `query` are the server's; the values are any text, because the command line passes
 * on what its user wrote and the server validates it.
 */
export type RouteOptions<M extends Method, Path extends string> = {
  readonly query?: { readonly [Name in keyof PropertyOf<Endpoint<M, Path>, "query">]?: QueryValue };
  readonly headers?: Readonly<Record<string, string>>;
} & BodyOption<PropertyOf<Endpoint<M, Path>, "body">> &
  ParamsOption<Path>;

/** A value in a query. `undefined` leaves the parameter out. */
export type QueryValue = string | number | boolean | undefined;

type BodyOption<Body> = unknown extends Body ? object : { readonly body?: Body };

type ParamsOption<Path extends string> = [ParamNames<Path>] extends [never]
  ? object
  : { readonly params: Readonly<Record<ParamNames<Path>, string>> };

type ParamNames<Path extends string> = Path extends `${infer Rest}/*` ? ParamNames<Rest> | "*" : NamesIn<Path>;

type NamesIn<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Name | NamesIn<Rest>
  : Path extends `${string}:${infer Name}`
    ? Name
    : never;

type Segments<Path extends string> = Path extends `${infer Head}/${infer Rest}` ? [Head, ...Segments<Rest>] : [Path];

type At<T, Keys> = Keys extends [infer Head, ...infer Rest] ? (Head extends keyof T ? At<T[Head], Rest> : never) : T;

type PropertyOf<T, Key> = Key extends keyof T ? T[Key] : never;
