import { randomBytes } from "node:crypto";
import { closeSync, constants, fstatSync, fsyncSync, openSync, readFileSync, type Stats, writeSync } from "node:fs";
import { parseTokens } from "../../../app/settings/token.ts";
import { type ApiToken, TOKEN_NAME } from "../../../domain/people/token.ts";
import { ownTokens } from "../../client/client.ts";
import { type Context, defineCommand } from "../../command.ts";
import { EXIT, type ExitStatus, Failure } from "../../exit.ts";
import { writeFailure, writeSecret } from "../../secret-file.ts";

export const token = defineCommand({
  name: "token",
  summary: "Create a token for the HTTP API",
  description:
    "Creates a random token of 256 bits and writes it to FILE, which only its owner can read. Without FILE, prints it. Never " +
    "overwrites an existing file. petit keeps no copy: pass the file with --token-file to `petit run` and to the commands that " +
    "talk to it. With --name, adds a line `NAME: TOKEN` to FILE and prints the token: a file can have a token for each person, and " +
    "petit then shows who did what. With --print, prints the token that commands send: that of --token-file, PETIT_API_TOKEN or the " +
    "service of this machine, if you can read it. petit reads its file again when it changes; restart a service, whose file systemd reads. petit requires a token if other machines can reach it; " +
    "on 127.0.0.1 a token is optional.",
  args: {
    FILE: {
      type: "positional",
      required: false,
      description: "The file to create, or with --name to add to. [default: standard output]",
    },
    name: { type: "string", valueHint: "NAME", description: "Whose token it is, such as ada or ci." },
    print: {
      type: "boolean",
      description: "Print the token that commands send, or that of NAME, and create nothing.",
    },
  },
  usage: ["petit token [FILE] [--name NAME]", "petit token --print [NAME] [--token-file FILE]"],
  settings: [],
  examples: [
    "petit token petit.token",
    "petit token petit.token --name ada",
    "petit run --api-host 0.0.0.0 --token-file petit.token",
    "petit runs --token-file petit.token",
    "petit token --print ada --token-file petit.token",
    "sudo petit token --print",
  ],
  run: async ({ FILE, name, print }, context) => {
    const {
      terminal: { out, err },
      json,
    } = context;
    if (print) return printToken(name ?? FILE ?? null, context);
    const newToken = randomBytes(32).toString("base64url");
    if (name !== undefined) {
      assertName(name);
      if (FILE !== undefined) addToken(FILE, { name, token: newToken });
      out.write(namedText({ name, token: newToken }, { file: FILE ?? null, json }));
      err.write(
        FILE === undefined
          ? nextSteps(null)
          : `added the token of '${name}' to ${FILE}; petit reads it within seconds, a service when it is restarted\n`,
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

/** Prints the token with a name, or the first one, which is the one that commands send. */
const printToken = (name: string | null, context: Context): ExitStatus => {
  const tokens = ownTokens(context);
  const found = name === null ? tokens[0] : tokens.find((each) => each.name === name);
  if (found === undefined) throw new Failure(EXIT.FAILED, missingToken(name, tokens));
  const { out } = context.terminal;
  out.write(context.json ? `${JSON.stringify({ name: found.name, token: found.token })}\n` : `${found.token}\n`);
  return EXIT.DONE;
};

const missingToken = (name: string | null, tokens: readonly ApiToken[]): string => {
  if (tokens.length === 0)
    return "no token is set; name its file with --token-file FILE, or run this with sudo if it is the service's";
  const names = tokens.flatMap((each) => each.name ?? []);
  const known = names.length === 0 ? "the token has no name" : `expected one of ${names.join(", ")}`;
  return `there is no token of '${name}'; ${known}`;
};

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
  curl -H "Authorization: Bearer $(petit token --print --token-file ${name})" http://localhost:8565/api/jobs
`;
};
