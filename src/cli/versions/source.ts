import type { JobRepositoryBody } from "../../api/shapes/definition/repository.ts";
import { defaultZone } from "../../app/settings/settings.ts";
import { shortCommit } from "../../domain/words/versions/repository.ts";
import { formatProblem } from "../../jobfile/problem.ts";
import { pluralize } from "../../lib/text.ts";
import type { Context } from "../command.ts";
import { EXIT, type ExitStatus } from "../exit.ts";
import { readableLocal } from "../terminal/local-time.ts";
import { paint } from "../terminal/terminal.ts";

type Source = typeof JobRepositoryBody.static;
type Commit = NonNullable<Source["commit"]>;

/** Writes which commit of the repository is in use, and what is wrong. Exits with 1 if something is. */
export const writeSource = (source: Source, context: Context): ExitStatus => {
  const { out } = context.terminal;
  if (context.json) out.write(`${JSON.stringify(source, null, 2)}\n`);
  else out.write(`${sourceLines(source, context).join("\n")}\n`);
  return source.refused === null && source.failure === null ? EXIT.DONE : EXIT.FAILED;
};

const sourceLines = (source: Source, context: Context): readonly string[] => {
  const { out } = context.terminal;
  const { commit, head, pinned, refused, failure } = source;
  const row = (name: string, text: string): string => `${paint(out, "dim", name.padEnd(11))} ${text}`;
  const isBehind = head !== null && head.id !== commit?.id && head.id !== refused?.commit.id;
  return [
    row("repository", `${source.url}, ${source.ref}${source.path === "." ? "" : `, folder ${source.path}`}`),
    row(
      "in use",
      commit === null
        ? "nothing yet"
        : `${commitText(commit, context)}${pinned === null ? "" : ", chosen with 'petit jobs pin'"}`,
    ),
    ...(isBehind && head !== null ? [row("newest", commitText(head, context))] : []),
    ...(refused === null
      ? []
      : [
          paint(
            out,
            "red",
            `${commitText(refused.commit, context)} has ${pluralize(refused.problems.length, "problem")}:`,
          ),
          ...refused.problems.map((problem) => `  ${formatProblem(problem)}`),
        ]),
    ...(failure === null
      ? []
      : [
          paint(
            out,
            "red",
            `the repository can't be read since ${readableLocal(failure.since, defaultZone(context.settings))}: ${failure.error}`,
          ),
        ]),
  ];
};

const commitText = ({ id, author, committed_at, subject }: Commit, { settings }: Context): string =>
  `${shortCommit(id)} by ${author}, ${readableLocal(committed_at, defaultZone(settings))}: ${subject}`;
