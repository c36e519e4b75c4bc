import { randomBytes } from "node:crypto";
import { closeSync, constants, fstatSync, fsyncSync, openSync, readFileSync, type Stats, writeSync } from "node:fs";
import { parseTokens } from "../../app/settings/token.ts";
import { TOKEN_NAME } from "../../domain/token.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit.ts";
import { Failure } from "../failure.ts";
import { writeFailure, writeSecret } from "../secret-file.ts";

export const token = defineCommand({
  name: "token",
  summary: "Create a token for the HTTP API",
  description:
    "Creates a random token of 256 bits and writes it to FILE, which only its owner can read. Without FILE, prints it. Never " +
    "overwrites an existing file. petit keeps no copy: pass the file with --token-file to `petit run` and to the commands that " +
    "talk to it. With --name, adds a line `NAME: TOKEN` to FILE and prints the token: a file can have a token for each person, and " +
    "petit then shows who did what. Restart petit after a change of its file. petit requires a token if other machines can reach it; " +
    "on 127.0.0.1 a token is optional.",
  args: {
    FILE: {
      type: "positional",
      required: false,
      description: "The file to create, or with --name to add to. [default: standard output]",
    },
    name: { type: "string", valueHint: "NAME", description: "Whose token it is, such as ada or ci." },
  },
  settings: [],
  examples: [
    "petit token petit.token",
    "petit token petit.token --name ada",
    "petit run --api-host 0.0.0.0 --token-file petit.token",
    "petit runs --token-file petit.token",
  ],
  run: async ({ FILE, name }, { terminal: { out, err }, json }) => {
    const newToken = randomBytes(32).toString("base64url");
    if (name !== undefined) {
      assertName(name);
      if (FILE !== undefined) addToken(FILE, { name, token: newToken });
      out.write(namedText({ name, token: newToken }, { file: FILE ?? null, json }));
      err.write(
        FILE === undefined ? nextSteps(null) : `added the token of '${name}' to ${FILE}; restart petit to use it\n`,
      );
      return EXIT.DONE;
    }
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

type NamedToken = { readonly name: string; readonly token: string };

/** With a file, prints only the token, which is what its owner needs; without one, the line for the file. */
const namedText = (
  { name, token: text }: NamedToken,
  { file, json }: { readonly file: string | null; readonly json: boolean },
): string => {
  if (json) return `${JSON.stringify({ name, token: text, ...(file === null ? {} : { file }) })}\n`;
  return file === null ? `${name}: ${text}\n` : `${text}\n`;
};

const assertName = (name: string): void => {
  if (TOKEN_NAME.test(name)) return;
  throw new Failure(
    EXIT.USAGE,
    `--name is '${name}'; expected 1 to 64 letters, digits and . _ - + @, beginning with a letter or digit`,
  );
};

/** Adds a line to a token file, or creates it. Refuses a link, a file that others can read, and a name that it has already. */
const addToken = (file: string, added: NamedToken): void => {
  const line = `${added.name}: ${added.token}\n`;
  const fd = openExisting(file);
  if (fd === null) {
    writeSecret(file, line);
    return;
  }
  try {
    assertPrivate(file, fstatSync(fd));
    const text = readFileSync(fd, "utf8");
    const tokens = text.trim() === "" ? [] : parseTokens(text, file);
    if (tokens.some(({ name }) => name === added.name))
      throw new Failure(EXIT.FAILED, `${file} has a token of '${added.name}' already; remove its line first`);
    writeSync(fd, text === "" || text.endsWith("\n") ? line : `\n${line}`);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
};

/** Returns null if there is no such file. */
const openExisting = (file: string): number | null => {
  try {
    return openSync(file, constants.O_RDWR | constants.O_APPEND | constants.O_NOFOLLOW);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw writeFailure(file, error);
  }
};

const assertPrivate = (file: string, stats: Stats): void => {
  if (!stats.isFile()) throw new Failure(EXIT.FAILED, `${file} is not a regular file`);
  if ((stats.mode & 0o077) === 0) return;
  throw new Failure(EXIT.FAILED, `others can read ${file} and its tokens; run 'chmod 600 ${file}' first`);
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
