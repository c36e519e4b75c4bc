import type { Routes } from "../../api/routes/routes.ts";

/** Every route as the server itself declares it. Types alone: nothing of the server comes with them. */
type Tree = Routes["~Routes"];

export type Method = "get" | "post";

/** What the server says of a path such as `/api/runs/:run_id`; `never` where it has no such route. */
export type Endpoint<M extends Method, Path extends string> = Path extends `/${infer Rest}`
  ? At<Tree, [...Parts<Rest>, M]>
  : never;

/** A path that is there, for this method. */
export type Known<M extends Method, Path extends string> = [Endpoint<M, Path>] extends [never] ? never : Path;

/** The body of its answer where all went well. */
export type Answer<M extends Method, Path extends string> = Field<Field<Endpoint<M, Path>, "response">, 200>;

/** What it takes. A query's names are the server's; its values are what the user wrote, which the server checks. */
export type Request<M extends Method, Path extends string> = {
  readonly query?: { readonly [Name in keyof Field<Endpoint<M, Path>, "query">]?: QueryValue };
  readonly headers?: Readonly<Record<string, string>>;
} & BodyOf<Field<Endpoint<M, Path>, "body">> &
  ParamsOf<Path>;

/** What is undefined is left out. */
export type QueryValue = string | number | boolean | undefined;

type BodyOf<Body> = unknown extends Body ? object : { readonly body?: Body };

type ParamsOf<Path extends string> = [ParamNames<Path>] extends [never]
  ? object
  : { readonly params: Readonly<Record<ParamNames<Path>, string>> };

type ParamNames<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Name | ParamNames<Rest>
  : Path extends `${string}:${infer Name}`
    ? Name
    : never;

type Parts<Path extends string> = Path extends `${infer Head}/${infer Rest}` ? [Head, ...Parts<Rest>] : [Path];

type At<T, Keys> = Keys extends [infer Head, ...infer Rest] ? (Head extends keyof T ? At<T[Head], Rest> : never) : T;

type Field<T, Key> = Key extends keyof T ? T[Key] : never;
