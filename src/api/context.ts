import type { RequestConnection } from "../runtime/runtime.ts";
import type { ApiOptions } from "./options.ts";

/** What every route is given. */
export type ApiContext = Pick<
  ApiOptions,
  "engine" | "store" | "log" | "clock" | "version" | "hostname" | "token" | "system"
> & {
  readonly requests: Requests;
  /** Aborts when the API closes: streams end, waits are answered. */
  readonly closing: AbortSignal;
};

/** What is known of the requests that are being answered. */
export class Requests {
  readonly #known = new WeakMap<Request, { readonly id: string; readonly connection: RequestConnection | undefined }>();

  add(request: Request, id: string, connection: RequestConnection | undefined): void {
    this.#known.set(request, { id, connection });
  }

  idOf(request: Request): string | null {
    return this.#known.get(request)?.id ?? null;
  }

  /** Keeps the connection through any silence: the answer takes its time. */
  keepOpen(request: Request): void {
    this.#known.get(request)?.connection?.keepOpen(0);
  }
}
