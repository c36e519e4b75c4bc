/** The request of an `http` task, which its process reads from stdin as JSON. It can contain secrets. */
export type HttpRequest = {
  readonly url: string;
  readonly method: string;
  readonly headers: readonly RequestHeader[];
  readonly body: RequestBody | null;
  /** The statuses that are a success; null means 200 to 299. */
  readonly statuses: readonly number[] | null;
  /** JSON pointers by output. */
  readonly outputs: Readonly<Record<string, string>>;
  /** Path of the certificates to trust; null means those of the runtime. */
  readonly caFile: string | null;
  /** Path of the file for the result. */
  readonly resultFile: string;
};

export type RequestHeader = {
  readonly name: string;
  readonly value: string;
  /** True if it must not be sent to another origin. */
  readonly secret: boolean;
};

export type RequestBody =
  | { readonly kind: "text"; readonly text: string; readonly contentType: string }
  | { readonly kind: "file"; readonly path: string };
