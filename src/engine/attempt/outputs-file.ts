import { closeSync, constants, existsSync, fstatSync } from "node:fs";
import type { Outputs } from "../../domain/task-run.ts";
import { errorMessage } from "../../lib/error-message.ts";
import { readStart } from "../../lib/files/regular-file.ts";
import { openSpoolFile } from "../output/spool.ts";
import type { Mask } from "../secrets/mask.ts";

/** Maximum size of the outputs of a task, in bytes. */
export const MAX_OUTPUTS_BYTES = 1_048_576;

export type ParsedOutputs = {
  readonly outputs: Outputs;
  readonly problem: string | null;
  /** True if the problem is not one of the task: its outputs are withheld, because secrets in them are not known any more. Default false. */
  readonly isWithheld?: boolean;
};

/**
 * Reads the outputs that a task wrote to `$PETIT_OUTPUT`, with its secrets masked. Never blocks and never throws, whatever
 * the task put there. If the task ran as another user, whose uid is `owner`, the file must be that user's, with one name.
 */
export const readOutputs = (path: string, mask: Mask | null = null, owner: number | null = null): ParsedOutputs => {
  // Most tasks write no outputs, and a failed open costs more than this check.
  if (!existsSync(path)) return { outputs: {}, problem: null };
  let fd: number | null;
  try {
    fd = openSpoolFile(path, constants.O_RDONLY);
  } catch (error) {
    return broken(`$PETIT_OUTPUT can't be read: ${errorMessage(error)}`);
  }
  if (fd === null) return broken("$PETIT_OUTPUT is not a regular file");
  try {
    const { size, uid, nlink } = fstatSync(fd);
    if (owner !== null && (uid !== owner || nlink !== 1))
      return broken(`$PETIT_OUTPUT ${uid === owner ? "has another name as well" : "belongs to another user"}`);
    if (mask?.hidesAll && size > 0)
      return { ...broken("$PETIT_OUTPUT is not used, because its secrets can't be hidden"), isWithheld: true };
    return size > MAX_OUTPUTS_BYTES
      ? broken(`the task wrote ${size} bytes to $PETIT_OUTPUT; the limit is ${MAX_OUTPUTS_BYTES}`)
      : parseOutputs(readStart(fd, MAX_OUTPUTS_BYTES).toString(), mask);
  } finally {
    closeSync(fd);
  }
};

const broken = (problem: string): ParsedOutputs => ({ outputs: {}, problem });

const KEY = /^[A-Za-z_][A-Za-z0-9_.-]*$/;

/**
 * Parses `key=value` lines and `key<<END` blocks that end with a line `END`. Empty lines are ignored; the last of equal keys
 * wins. Lines may end with CRLF; in a block that is decided by its first line.
 */
export const parseOutputs = (text: string, mask: Mask | null = null): ParsedOutputs => {
  const hide = (secret: string): string => mask?.text(secret) ?? secret;
  const outputs = new Map<string, string>();
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at++) {
    const line = withoutCr(lines[at]);
    if (line.trim() === "") continue;
    const [, key = "", operator = "", rest = ""] = /^(.*?)(=|<<)(.*)$/s.exec(line) ?? [];
    if (!KEY.test(key))
      return broken(`line ${at + 1} of $PETIT_OUTPUT is ${quote(hide(line))}; expected key=value or key<<END`);
    if (operator === "=") {
      outputs.set(hide(key), hide(rest));
      continue;
    }
    const end = endOf(lines, at + 1, rest);
    if (rest === "" || end === -1)
      return broken(`the block '${hide(key)}' in $PETIT_OUTPUT has no end: expected a line ${quote(hide(rest))}`);
    const block = lines.slice(at + 1, end);
    outputs.set(hide(key), hide((lines[at]?.endsWith("\r") ? block.map(withoutCr) : block).join("\n")));
    at = end;
  }
  return { outputs: Object.fromEntries(outputs), problem: null };
};

/** Returns the index of the line that ends a block, searching from line `from`; -1 if there is none. */
const endOf = (lines: readonly string[], from: number, word: string): number => {
  for (let at = from; at < lines.length; at++) if (withoutCr(lines[at]) === word) return at;
  return -1;
};

const withoutCr = (line = ""): string => (line.endsWith("\r") ? line.slice(0, -1) : line);

const quote = (line: string): string => JSON.stringify(line.length > 80 ? `${line.slice(0, 80)}…` : line);
