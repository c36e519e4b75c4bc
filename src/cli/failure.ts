import type { ExitStatus } from "./exit.ts";

/** A command that can't go on, with what petit then says and exits with. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly status: ExitStatus;

  constructor(status: ExitStatus, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}
