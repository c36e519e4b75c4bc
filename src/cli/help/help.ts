import type { ArgDef, ArgsDef } from "citty";
import type { Command } from "../command.ts";
import { globalArgs, ownArgs } from "../flags.ts";
import { columns, widthOf, wrap } from "../terminal/columns.ts";
import { paint, type Screen } from "../terminal/terminal.ts";
import type { TopicSection } from "./topics/topic.ts";
import { TOPICS } from "./topics/topics.ts";

/** Returns the help of `petit` itself. */
export const rootHelp = (commands: readonly Command[], screen: Screen): string =>
  join([
    paragraph(DESCRIPTION, screen),
    section(screen, "Usage", "  petit COMMAND [ARGUMENTS] [FLAGS]"),
    section(
      screen,
      "Commands",
      columns(
        commands.map(({ name, summary }) => [name, summary]),
        screen,
      ),
    ),
    section(
      screen,
      "Topics",
      columns(
        TOPICS.map(({ name, summary }) => [name, summary]),
        screen,
      ),
    ),
    section(screen, "Flags of every command", columns(flagRows(globalArgs), screen)),
    section(screen, "Examples", lines(ROOT_EXAMPLES)),
    section(screen, "Exit status", columns(EXIT_STATUSES, screen)),
    paragraph("Run 'petit COMMAND --help' for more about a command, 'petit help TOPIC' for a topic.", screen),
  ]);

/** Returns the text of a topic. */
export const topicHelp = (sections: readonly TopicSection[], screen: Screen): string =>
  join(
    sections.map(({ title, text, rows, lines: verbatim }) => {
      const indent = title === undefined ? "" : "  ";
      const sentences = wrap(text ?? "", widthOf(screen) - indent.length).map((each) => `${indent}${each}`);
      const body = [sentences.join("\n"), columns(rows ?? [], screen), lines(verbatim ?? [])];
      const all = body.filter((each) => each.trim() !== "").join("\n\n");
      return title === undefined ? all : section(screen, title, all);
    }),
  );

/** Returns the help of one command. */
export const commandHelp = (command: Command, screen: Screen): string =>
  join([
    paragraph(command.description, screen),
    section(screen, "Usage", lines(usageLines(command))),
    section(screen, "Arguments", columns(argumentRows(command.args), screen)),
    section(screen, "Flags", columns(flagRows(ownArgs(command)), screen)),
    section(screen, "Flags of every command", columns(flagRows(globalArgs), screen)),
    referenceSection(command, screen),
    section(screen, "Examples", lines(command.examples)),
  ]);

const referenceSection = ({ reference }: Command, screen: Screen): string => {
  if (reference === undefined) return "";
  const { title, rows } = reference();
  return section(screen, title, columns(rows, screen));
};

/** Returns the ways to call a command, such as `petit validate JOBS_DIR`. */
export const usageLines = (command: Command): readonly string[] =>
  command.usage ?? [["petit", command.name, ...placesOf(command.args)].join(" ")];

const placesOf = (args: ArgsDef): readonly string[] =>
  Object.entries(args)
    .filter(([, arg]) => arg.type === "positional")
    .map(([name, arg]) => (arg.required === false ? `[${name}]` : name));

export const DESCRIPTION =
  "petit runs jobs defined in YAML files: on a schedule, as graphs of tasks, with a history and an HTTP API.";

export const ROOT_EXAMPLES = [
  "petit init",
  "petit --db petit.db run examples/jobs",
  "petit next examples/jobs",
  "petit status --watch",
] as const;

export const EXIT_STATUSES = [
  ["0", "success"],
  ["1", "failure, such as a failed run or an invalid job file"],
  ["2", "wrong usage or configuration, or an unknown job or folder"],
  ["3", "no running petit can be reached"],
  ["4", "another process holds the database or the port"],
] as const;

const paragraph = (text: string, screen: Screen): string => wrap(text, widthOf(screen)).join("\n");

const join = (parts: readonly string[]): string => `${parts.filter((part) => part !== "").join("\n\n")}\n`;

const section = (screen: Screen, title: string, body: string): string =>
  body === "" ? "" : `${paint(screen, "bold", `${title}:`)}\n${body}`;

const lines = (texts: readonly string[]): string => texts.map((text) => `  ${text}`).join("\n");

/** Returns each argument with its description. */
export const argumentRows = (args: ArgsDef): readonly HelpRow[] =>
  Object.entries(args)
    .filter(([, arg]) => arg.type === "positional")
    .map(([name, arg]) => [name, arg.description ?? ""]);

/** Returns each flag, as in `-j, --max-jobs N`, with its description. */
export const flagRows = (args: ArgsDef): readonly HelpRow[] =>
  Object.entries(args)
    .filter(([, arg]) => arg.type !== "positional")
    .map(([name, arg]) => flagRow(name, arg));

type HelpRow = readonly [name: string, text: string];

/** Returns a row such as `-j, --max-jobs N`. A switch that is on by default is shown in its negated form. */
const flagRow = (name: string, arg: ArgDef): HelpRow => {
  const aliases = "alias" in arg ? [arg.alias ?? []].flat().map((alias) => `-${alias}, `) : [];
  const value = arg.valueHint === undefined ? "" : ` ${arg.valueHint}`;
  const off = "negativeDescription" in arg && arg.negativeDescription ? arg.negativeDescription : null;
  const written = `${aliases.join("") || "    "}--${off === null ? "" : "no-"}${name}${value}`;
  return [written, off ?? arg.description ?? ""];
};
