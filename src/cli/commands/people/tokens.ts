import { defaultZone } from "../../../app/settings/settings.ts";
import { ROLES, type Role } from "../../../domain/people/role.ts";
import { type JobLimit, limitOf, limitProblem } from "../../../domain/people/scope.ts";
import {
  DEFAULT_GRACE_MS,
  MAX_GRACE_MS,
  MAX_LIFETIME_MS,
  TOKEN_NAME,
  TOKEN_NAME_FORM,
} from "../../../domain/people/token.ts";
import { scopeText } from "../../../domain/words/people/scope.ts";
import { DURATION_FORM, formatDuration, parseDuration } from "../../../lib/duration.ts";
import { assertNever } from "../../../lib/never.ts";
import { usageError } from "../../argv.ts";
import { type Context, defineCommand } from "../../command.ts";
import { EXIT, type ExitStatus } from "../../exit.ts";
import { type NewToken, openTokens, type ShownToken, type TokenAccess } from "../../people/token-access.ts";
import { readableLocal } from "../../terminal/local-time.ts";
import { columnTable } from "../../terminal/table.ts";

const ACTIONS = ["list", "create", "revoke", "rotate"] as const;
type Action = (typeof ACTIONS)[number];

export const tokens = defineCommand({
  name: "tokens",
  summary: "Create, list and revoke tokens of people, each with a role",
  description:
    "Tokens that petit stores, each with a name, a role and, if you like, an end. petit stores only the SHA-256 of a token, so 'create' prints it once. A " +
    "viewer reads; an operator also triggers, cancels, retries, approves and pauses jobs; an admin may do everything. The first token ends the access without one. " +
    "With --jobs or --tags a token is limited to some jobs: to whoever has it, others do not exist, and neither do their runs, output and numbers. With both, a job must " +
    "fit both. A job counts by its present id and tags, and what concerns all jobs, such as a reload, is refused. " +
    "'revoke' ends the token's logins and event streams as well, at once and without a restart. 'rotate' creates a new token in place of one, with the " +
    "same role and lifetime; both are valid for the time of --grace. 'list' also shows when each was last used, to within a minute, and from which address. The " +
    "command works on the database given by --db, also while petit runs; with --url it asks the running petit, for which it needs the token of an admin. " +
    "Tokens of a token file are not among them: see `petit token`.",
  usage: [
    "petit tokens [list]",
    "petit tokens create NAME --role ROLE [--jobs PATTERN]... [--tags TAG]... [--expires DURATION]",
    "petit tokens revoke NAME",
    "petit tokens rotate NAME [--grace DURATION]",
  ],
  choices: ACTIONS,
  args: {
    ACTION: {
      type: "positional",
      required: false,
      description: "'list', 'create', 'revoke' or 'rotate'. [default: list]",
    },
    NAME: { type: "positional", required: false, description: `Whose token it is, or what for: ${TOKEN_NAME_FORM}.` },
    role: { type: "string", valueHint: ROLES.join("|"), description: "What the token may do. 'create' requires it." },
    jobs: {
      type: "string",
      valueHint: "PATTERN",
      description:
        "With 'create': limit it to the job with this id, or to those that fit a pattern such as 'etl_*', where * stands for any characters; can be repeated.",
    },
    tags: {
      type: "string",
      valueHint: "TAG",
      description:
        "With 'create': limit it to jobs with this tag; can be repeated, and then one of the tags is enough.",
    },
    expires: {
      type: "string",
      valueHint: "DURATION",
      description: "With 'create': after how long it expires, such as 90d. [default: never]",
    },
    grace: {
      type: "string",
      valueHint: "DURATION",
      description: `With 'rotate': how long the former token stays valid, at most ${formatDuration(MAX_GRACE_MS)}. [default: ${formatDuration(DEFAULT_GRACE_MS)}]`,
    },
  },
  settings: ["timezone"],
  examples: [
    "petit tokens create mara --role operator --expires 90d",
    "petit tokens create etl-team --role operator --jobs 'etl_*' --tags finance",
    "petit tokens",
    "petit tokens rotate mara --grace 1d",
    "petit tokens revoke mara",
  ],
  run: async ({ ACTION: word = "list", NAME: name, role, jobs, tags, expires, grace }, context) => {
    const action = ACTIONS.find((each) => each === word);
    if (action === undefined)
      throw usageError(`'${word}' is no action of petit tokens; expected ${ACTIONS.join(", ")}`, null, "petit tokens");
    refuseOthers(action, { name, role, jobs, tags, expires, grace });
    const access = openTokens(context);
    switch (action) {
      case "list":
        return writeList(await access.list(), context);
      case "create":
        return writeNew(await create(access, { name, role, expires }, context.flags), context);
      case "rotate": {
        const graceMs = readDuration(grace, "--grace", MAX_GRACE_MS) ?? DEFAULT_GRACE_MS;
        return writeNew(await access.rotate(readName(name, action), graceMs), context);
      }
      case "revoke": {
        const message = await access.revoke(readName(name, action));
        const { out } = context.terminal;
        out.write(context.json ? `${JSON.stringify({ message }, null, 2)}\n` : `${message}\n`);
        return EXIT.DONE;
      }
      default:
        return assertNever(action);
    }
  },
});

type Given = Readonly<Record<"name" | "role" | "jobs" | "tags" | "expires" | "grace", string | undefined>>;

const TAKEN = {
  list: [],
  create: ["name", "role", "jobs", "tags", "expires"],
  revoke: ["name"],
  rotate: ["name", "grace"],
} as const satisfies Record<Action, readonly (keyof Given)[]>;

const refuseOthers = (action: Action, given: Given): void => {
  const taken: readonly string[] = TAKEN[action];
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined || taken.includes(key)) continue;
    throw usageError(
      key === "name" ? `'${value}' is too much: ${action} takes no argument` : `'${action}' does not take --${key}`,
      null,
      `petit tokens ${action}`,
    );
  }
};

const create = (
  access: TokenAccess,
  { name, role, expires }: Pick<Given, "name" | "role" | "expires">,
  flags: Context["flags"],
): Promise<NewToken> =>
  access.create({
    name: readName(name, "create"),
    role: readRole(role),
    ...readLimit(flags),
    lifetimeMs: readDuration(expires, "--expires", MAX_LIFETIME_MS),
  });

const readName = (name: string | undefined, action: Action): string => {
  if (name === undefined) throw usageError("NAME is missing", null, `petit tokens ${action}`);
  if (TOKEN_NAME.test(name)) return name;
  throw usageError(`NAME is '${name}'; expected ${TOKEN_NAME_FORM}`, null, `petit tokens ${action}`);
};

const readRole = (text: string | undefined): Role => {
  const role = ROLES.find((each) => each === text);
  if (role !== undefined) return role;
  const problem = text === undefined ? "--role is missing" : `--role is '${text}'`;
  throw usageError(`${problem}; expected ${ROLES.join(", ")}`, null, "petit tokens create");
};

const readLimit = (flags: Context["flags"]): JobLimit => {
  const limit = { jobs: flags.get("jobs") ?? null, tags: flags.get("tags") ?? null };
  const found = limitProblem(limit);
  if (found !== null) throw usageError(`--${found.field}: ${found.problem}`, null, "petit tokens create");
  return limit;
};

const readDuration = (text: string | undefined, flag: string, maxMs: number): number | null => {
  if (text === undefined) return null;
  const durationMs = parseDuration(text);
  const minMs = flag === "--grace" ? 0 : 1;
  if (durationMs !== null && durationMs >= minMs && durationMs <= maxMs) return durationMs;
  throw usageError(
    `${flag} is '${text}'; expected ${DURATION_FORM}, at most ${formatDuration(maxMs)}`,
    null,
    "petit tokens",
  );
};

/** The token alone goes to stdout. */
const writeNew = (created: NewToken, { terminal: { out, err }, settings, json }: Context): ExitStatus => {
  if (json) {
    out.write(`${JSON.stringify(created, null, 2)}\n`);
    return EXIT.DONE;
  }
  err.write(`${created.message}\n`);
  if (created.expires_at !== null)
    err.write(`it expires on ${readableLocal(created.expires_at, defaultZone(settings))}\n`);
  err.write("petit stores only its digest, so this is the only time that it is shown:\n");
  out.write(`${created.token}\n`);
  return EXIT.DONE;
};

const writeList = (list: readonly ShownToken[], { terminal, settings, json }: Context): ExitStatus => {
  const { out, err } = terminal;
  if (json) {
    out.write(`${JSON.stringify({ tokens: list, count: list.length }, null, 2)}\n`);
    return EXIT.DONE;
  }
  const zone = defaultZone(settings);
  const timeText = (at: number | null): string => (at === null ? "" : readableLocal(at, zone));
  out.write(
    columnTable(
      [
        { title: "NAME", cells: list.map(({ name }) => name), shrink: 1, min: 12 },
        { title: "ROLE", cells: list.map(({ role }) => role) },
        ...(list.some(isLimited) ? [{ title: "JOBS", cells: list.map(jobsText), shrink: 2, min: 8 }] : []),
        { title: "STATE", cells: list.map(({ state }) => state) },
        { title: "EXPIRES", cells: list.map(({ expires_at }) => timeText(expires_at)), drop: 2 },
        { title: "LAST USED", cells: list.map(({ last_used_at }) => timeText(last_used_at)), drop: 3 },
        { title: "FROM", cells: list.map(({ last_used_from }) => last_used_from ?? ""), drop: 4 },
        { title: "CREATED", cells: list.map(({ created_at }) => timeText(created_at)), drop: 5 },
        { title: "BY", cells: list.map(({ created_by }) => created_by ?? ""), drop: 6 },
      ],
      out,
    ),
  );
  if (list.length === 0) err.write("there are no tokens; create one with 'petit tokens create NAME --role ROLE'\n");
  return EXIT.DONE;
};

const isLimited = ({ jobs, tags }: JobLimit): boolean => jobs !== null || tags !== null;

const jobsText = ({ jobs, tags }: JobLimit): string => {
  const scope = limitOf(jobs, tags);
  return scope === null ? "all" : scopeText(scope);
};
