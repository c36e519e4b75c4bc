import type { ExitStatus } from "./exit.ts";

/** A command that can't go on, with what petit then says and exits with. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly status: ExitStatus;
  /** The API's code, such as `NOT_FOUND`, where it was the API that refused. */
  readonly code: string | null;

  constructor(status: ExitStatus, message: string, options: { readonly cause?: unknown; readonly code?: string } = {}) {
    super(message, { cause: options.cause });
    this.status = status;
    this.code = options.code ?? null;
  }
}
