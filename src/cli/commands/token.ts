import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, unlinkSync, writeSync } from "node:fs";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit.ts";
import { Failure } from "../failure.ts";

export const token = defineCommand({
  name: "token",
  summary: "Create a token for the HTTP API",
  description:
    "Creates a random token of 256 bits and writes it to FILE, which only its owner can read. Without FILE, prints it. Never " +
    "overwrites an existing file. petit keeps no copy: pass the file with --token-file to `petit run` and to the commands that " +
    "talk to it. petit requires a token if other machines can reach it; on 127.0.0.1 a token is optional.",
  args: {
    FILE: { type: "positional", required: false, description: "The file to create. [default: standard output]" },
  },
  settings: [],
  examples: [
    "petit token petit.token",
    "petit run --api-host 0.0.0.0 --token-file petit.token",
    "petit runs --token-file petit.token",
  ],
  run: async ({ FILE }, { terminal: { out, err }, json }) => {
    const newToken = randomBytes(32).toString("base64url");
    if (FILE === undefined) {
      out.write(json ? `${JSON.stringify({ token: newToken })}\n` : `${newToken}\n`);
    } else {
      writeSecret(FILE, `${newToken}\n`);
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

const writeFailure = (file: string, cause: unknown): Failure => {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new Failure(EXIT.FAILED, `${file} can't be written: ${reason}`, { cause });
};

/** Returns the next steps. `file` is null if the token was printed. */
const nextSteps = (file: string | null): string => {
  const name = file ?? "petit.token";
  return `
To use ${file === null ? "a token" : "it"}:
${file === null ? `  petit token ${name}\n` : ""}  petit run --api-host 0.0.0.0 --token-file ${name}
  curl -H "Authorization: Bearer $(cat ${name})" http://localhost:8565/api/jobs
`;
};
