import { closeSync, fsyncSync, openSync, unlinkSync, writeSync } from "node:fs";
import { errorMessage } from "../lib/error-message.ts";
import { EXIT, Failure } from "./exit.ts";

/** Creates a file of mode 0600. No other user can read it at any moment, and neither a file nor a link is followed or replaced. */
export const writeSecret = (file: string, text: string): void => {
  const fd = openNew(file);
  try {
    writeSync(fd, text);
    fsyncSync(fd);
  } catch (error) {
    unlinkSync(file);
    throw writeFailure(file, error);
  } finally {
    closeSync(fd);
  }
};

const openNew = (file: string): number => {
  try {
    return openSync(file, "wx", 0o600);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw writeFailure(file, error);
    throw new Failure(
      EXIT.FAILED,
      `${file} already exists and was not changed; choose another file, or remove it first`,
    );
  }
};

export const writeFailure = (file: string, cause: unknown): Failure => {
  const reason = errorMessage(cause);
  return new Failure(EXIT.FAILED, `${file} can't be written: ${reason}`, { cause });
};
