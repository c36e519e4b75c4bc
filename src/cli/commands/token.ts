import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, unlinkSync, writeSync } from "node:fs";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit.ts";
import { Failure } from "../failure.ts";

export const token = defineCommand({
  name: "token",
  summary: "Make a token for the HTTP API",
  description:
    "Makes a new random token of 256 bits and writes it to FILE, which only its owner can read; without FILE, prints it. An " +
    "existing file is never overwritten. petit keeps no copy: name the file with --token-file, to `petit run` and to the " +
    "commands that ask it. A token is required wherever petit listens beyond this machine, and may be set on 127.0.0.1 too.",
  args: {
    FILE: { type: "positional", required: false, description: "The new file. [default: standard output]" },
  },
  settings: [],
  examples: [
    "petit token petit.token",
    "petit run --api-host 0.0.0.0 --token-file petit.token",
    "petit runs --token-file petit.token",
  ],
  run: async ({ FILE }, { terminal: { out, err }, json }) => {
    const made = randomBytes(32).toString("base64url");
    if (FILE === undefined) {
      out.write(json ? `${JSON.stringify({ token: made })}\n` : `${made}\n`);
    } else {
      writeSecret(FILE, `${made}\n`);
      out.write(json ? `${JSON.stringify({ file: FILE })}\n` : `wrote ${FILE}\n`);
    }
    err.write(nextSteps(FILE ?? null));
    return EXIT.DONE;
  },
});

/** Creates a file of mode 0600. No other user can read it at any moment, and neither a file nor a link is followed or replaced. */
const writeSecret = (file: string, text: string): void => {
  const fd = openNew(file);
  try {
    writeSync(fd, text);
    fsyncSync(fd);
  } catch (error) {
    unlinkSync(file);
    throw unwritten(file, error);
  } finally {
    closeSync(fd);
  }
};

const openNew = (file: string): number => {
  try {
    return openSync(file, "wx", 0o600);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw unwritten(file, error);
    throw new Failure(EXIT.FAILED, `${file} exists already and was not changed; name another file, or remove it first`);
  }
};

const unwritten = (file: string, cause: unknown): Failure => {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new Failure(EXIT.FAILED, `${file} can't be written: ${why}`, { cause });
};

/** `file` is the one that was written; null where the token was printed. */
const nextSteps = (file: string | null): string => {
  const name = file ?? "petit.token";
  return `
To use ${file === null ? "one" : "it"}:
${file === null ? `  petit token ${name}\n` : ""}  petit run --api-host 0.0.0.0 --token-file ${name}
  curl -H "Authorization: Bearer $(cat ${name})" http://localhost:8565/api/jobs
`;
};
