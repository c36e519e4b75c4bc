/** The reason why a process can't be started. `code` is an error code of the system, such as ENOENT. */
export class SpawnError extends Error {
  override readonly name = "SpawnError";
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
