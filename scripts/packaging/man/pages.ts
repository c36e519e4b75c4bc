import type { Command } from "../../../src/cli/command.ts";
import { COMMANDS } from "../../../src/cli/commands.ts";
import { globalArgs, ownArgs } from "../../../src/cli/flags.ts";
import {
  argumentRows,
  DESCRIPTION,
  EXIT_STATUSES,
  flagRows,
  ROOT_EXAMPLES,
  usageLines,
} from "../../../src/cli/help/help.ts";
import { jobFileSections } from "../../../src/cli/help/topics/job-files.ts";
import { scheduleSections } from "../../../src/cli/help/topics/schedules.ts";
import type { TopicSection } from "../../../src/cli/help/topics/topic.ts";
import type { Page, Part } from "./roff.ts";

/** Returns the pages of the manual, from the declarations that `--help` prints. */
export const manualPages = (): readonly Page[] => [rootPage(), ...COMMANDS.map(commandPage), jobFilePage()];

const pageOf = (name: string): string => `petit-${name}`;

const rootPage = (): Page => ({
  name: "petit",
  section: 1,
  summary: "a job scheduler in one executable",
  parts: [
    { title: "Synopsis", lines: ["petit COMMAND [ARGUMENTS] [FLAGS]"] },
    { title: "Description", text: DESCRIPTION },
    { title: "Commands", rows: COMMANDS.map(({ name, summary }) => [`${pageOf(name)}(1)`, `${summary}.`]) },
    { title: "Flags of every command", rows: flagRows(globalArgs) },
    { title: "Exit status", rows: EXIT_STATUSES.map(([status, meaning]) => [status, `${meaning}.`]) },
    {
      title: "Files",
      rows: [
        ["/etc/petit/config.yaml", "The settings; `--config` names another file."],
        ["/etc/petit/jobs", "The job files of the system's service."],
        ["/etc/petit/environment", "Variables for the service and its tasks, one NAME=value per line."],
        ["/var/lib/petit", "The database of the service, and the working directory of its tasks."],
      ],
    },
    { title: "Examples", lines: ROOT_EXAMPLES },
    { title: "See also", pages: [...COMMANDS.map(({ name }) => `${pageOf(name)}(1)`), "petit.yaml(5)"] },
  ],
});

const commandPage = (command: Command): Page => ({
  name: pageOf(command.name),
  section: 1,
  summary: lowerFirst(command.summary).replaceAll("`", ""),
  parts: [
    { title: "Synopsis", lines: usageLines(command) },
    { title: "Description", text: command.description },
    { title: "Arguments", rows: argumentRows(command.args) },
    { title: "Flags", rows: flagRows(ownArgs(command)) },
    { title: "Flags of every command", rows: flagRows(globalArgs) },
    ...(command.reference === undefined ? [] : [command.reference()]),
    { title: "Exit status", text: "See petit(1)." },
    { title: "Examples", lines: command.examples },
    { title: "See also", pages: ["petit(1)", "petit.yaml(5)"] },
  ].filter((part: Part) => part.rows?.length !== 0),
});

const lowerFirst = (text: string): string => (/^[A-Z][a-z]/.test(text) ? text[0]?.toLowerCase() + text.slice(1) : text);

const jobFilePage = (): Page => ({
  name: "petit.yaml",
  section: 5,
  summary: "job files of petit",
  parts: [
    ...jobFileSections().map(topicPart),
    ...scheduleSections().map((section) => topicPart({ ...section, title: scheduleTitle(section) })),
    { title: "See also", pages: ["petit(1)", "petit-validate(1)", "petit-schema(1)", "petit-next(1)"] },
  ],
});

/** Both topics have a section about fields. */
const scheduleTitle = ({ title }: TopicSection): string =>
  title === undefined ? "Schedules" : title === "Fields" ? "Fields of schedules" : title;

const topicPart = ({ title = "Description", ...section }: TopicSection): Part => ({ title, ...section });
