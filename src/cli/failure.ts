import type { ExitStatus } from "./exit.ts";

/** An error of a command, with its message for the user and the exit status. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly status: ExitStatus;

  constructor(status: ExitStatus, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}
