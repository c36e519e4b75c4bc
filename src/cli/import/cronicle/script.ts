import type { Json } from "../../../lib/json.ts";
import { shellWord } from "../../../lib/shell-word.ts";
import type { EventFields } from "./event-fields.ts";

/** A task with the variables that it needs beside those of its plugin. */
export type CommandFields = {
  readonly fields: Readonly<Record<string, Json>>;
  readonly environment: Readonly<Record<string, string>>;
};

/** Returns the task of a Shell Script. The script runs by its first line, as a file would. */
export const scriptTask = (params: EventFields): CommandFields => {
  const text = (params.text("script") ?? "").toWellFormed();
  if (params.boolean("annotate")) params.note("annotate", "petit stores the time of each line");
  if (params.boolean("json")) params.leaveOut("json", "petit reads no progress and no results from the output");
  nameVariables(params, "script", text);
  if (/^#!.*\r\n/.test(text))
    params.note("script", "its first line ends with a carriage return, with which Cronicle can't start it");
  if (text.includes("\0")) {
    params.leaveOut("script", "a script of petit has no character U+0000; the task fails until you write it");
    return { fields: { type: "shell", script: "echo 'the script was not imported' >&2\nexit 1\n" }, environment: {} };
  }
  const script = text.trim() === "" ? "true\n" : text.endsWith("\n") ? text : `${text}\n`;
  const shell = /^#!\s*(\S.*?)\s*(?:\n|$)/.exec(script)?.[1]?.split(/\s+/) ?? ["/bin/sh"];
  if (!script.includes("${{")) return { fields: { type: "shell", shell, script }, environment: {} };
  // petit refuses what looks like a template in a script. The shell passes the text on as a file.
  const command = [...shell.map(shellWord), "/dev/fd/3"].join(" ");
  return {
    fields: { type: "shell", script: `exec ${command} 3<<END_OF_SCRIPT\n$SCRIPT\nEND_OF_SCRIPT\n` },
    environment: { SCRIPT: script.replace(/\n$/, "") },
  };
};

/** Names the variables of Cronicle that a text reads, as petit does not set them. */
export const nameVariables = (fields: EventFields, name: string, text: string): void => {
  const used = [...new Set(text.match(/\b(?:JOB_[A-Z_]+|CRONICLE)\b/g))];
  if (used.length > 0)
    fields.leaveOut(
      name,
      `petit does not set ${used.slice(0, 5).join(", ")}; it has PETIT_JOB_ID, PETIT_RUN_ID and others`,
    );
};
