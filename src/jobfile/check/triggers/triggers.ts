import { whyNotFilePattern } from "../../../domain/deliveries/file-pattern.ts";
import { whyNotStream, whyNotSubject } from "../../../domain/deliveries/message.ts";
import type { EventTriggerType } from "../../../domain/deliveries/trigger.ts";
import { WEBHOOK_SCHEMES, type WebhookScheme } from "../../../domain/deliveries/trigger.ts";
import { resolveParams } from "../../../domain/params/param.ts";
import { assertNever } from "../../../lib/never.ts";
import { shorten } from "../../../lib/text.ts";
import { Expression } from "../../expression/expression.ts";
import type { Path } from "../../parse/node.ts";
import type { Report } from "../../report.ts";
import type { JobDraft } from "../../schema/job.ts";
import { TRIGGER_FIELD_NAMES } from "../../schema/trigger.ts";
import { findTemplates, parseIf } from "../../template.ts";
import { checkFieldsOfType } from "../fields-of-type.ts";
import { checkSecret, type SecretDraft } from "../secret.ts";
import { whyNoEventValue } from "./event-fields.ts";

/** Maximum number of triggers of a job, and of secrets of a webhook. */
const MAX_TRIGGERS = 20;
const MAX_SECRETS = 2;
/** Maximum number of patterns of a `files` trigger. */
const MAX_PATHS = 20;

type TriggerDraft = NonNullable<NonNullable<JobDraft["triggers"]>[number]>;
type TriggerField = (typeof TRIGGER_FIELD_NAMES)[number];

/** Fields of all triggers, for messages. */
const COMMON = ["name", "if", "params", "debounce", "on_overlap", "on_pause"];

/** Checks that each trigger has the fields of its type, that names are unique, and that expressions refer to what there is. */
export const checkTriggers = (draft: JobDraft, report: Report): void => {
  const { triggers = [] } = draft;
  if (triggers.length > MAX_TRIGGERS)
    report.addAt(["triggers"], `has ${triggers.length} entries; expected at most ${MAX_TRIGGERS}`);
  triggers.forEach((trigger, index) => {
    if (trigger !== undefined) checkTrigger(trigger, draft, ["triggers", index], report);
  });
  checkNames(triggers, report);
};

const checkTrigger = (trigger: TriggerDraft, draft: JobDraft, path: Path, report: Report): void => {
  const { type } = trigger;
  if (type === undefined) return;
  checkFields(type, trigger, path, report);
  checkSecrets(trigger, path, report);
  checkFiles(trigger, path, report);
  checkMessages(trigger, path, report);
  checkExpressions(trigger, draft, path, report);
  checkParams(trigger, draft, path, report);
  const { wait, max_wait: maxWait } = trigger.debounce ?? {};
  if (wait !== undefined && maxWait !== undefined && maxWait < wait)
    report.addAt([...path, "debounce", "max_wait"], "is shorter than 'wait'; expected it to be at least as long");
};

type FieldsOf = { readonly required: readonly TriggerField[]; readonly optional: readonly TriggerField[] };

const SIGNED = { required: ["verify", "secret"], optional: ["events", "headers"] } as const;

const SCHEME_FIELDS: Readonly<Record<WebhookScheme, FieldsOf>> = {
  github: SIGNED,
  gitea: SIGNED,
  gitlab: SIGNED,
  stripe: SIGNED,
  slack: SIGNED,
  standard: SIGNED,
  hmac: {
    required: ["verify", "secret", "header"],
    optional: ["algorithm", "encoding", "prefix", "id_header", "headers"],
  },
  token: { required: ["verify", "secret"], optional: ["header", "id_header", "headers"] },
};

const checkFields = (type: EventTriggerType, trigger: TriggerDraft, path: Path, report: Report): void => {
  const { verify } = trigger;
  const given = TRIGGER_FIELD_NAMES.filter((field) => isGiven(trigger[field]));
  switch (type) {
    case "webhook": {
      if (report.has([...path, "verify"])) return;
      if (verify === undefined) {
        report.addAt([...path, "verify"], `missing; a webhook needs it: one of ${WEBHOOK_SCHEMES.join(", ")}`);
        return;
      }
      const { required, optional } = SCHEME_FIELDS[verify];
      const what = `a webhook with 'verify: ${verify}'`;
      checkFieldsOfType({ what, given, required, optional, common: COMMON, path, report });
      return;
    }
    case "files":
      checkFieldsOfType({
        what: "a files trigger",
        given,
        required: ["paths"],
        optional: ["settle", "batch", "max", "existing", "done", "identity", "interval"],
        common: COMMON,
        path,
        report,
      });
      return;
    case "run":
      checkFieldsOfType({
        what: "a run trigger",
        given,
        required: ["job"],
        optional: ["on"],
        common: COMMON,
        path,
        report,
      });
      return;
    case "nats":
      checkFieldsOfType({
        what: "a nats trigger",
        given,
        required: ["stream", "subject"],
        optional: ["headers"],
        common: COMMON,
        path,
        report,
      });
      return;
    default:
      assertNever(type);
  }
};

/** The fields of a webhook that belongs to no job. */
const OWN_FIELDS = ["verify", "secret", "header", "algorithm", "encoding", "prefix"] as const;

/** Checks that a webhook that belongs to no job has the fields of its scheme. */
export const checkVerification = (
  webhook: Pick<TriggerDraft, (typeof OWN_FIELDS)[number]>,
  path: Path,
  report: Report,
): void => {
  const { verify } = webhook;
  if (verify === undefined) return;
  const { required, optional } = SCHEME_FIELDS[verify];
  const isOwn = (field: TriggerField): boolean => OWN_FIELDS.some((each) => each === field);
  checkFieldsOfType({
    what: `a webhook with 'verify: ${verify}'`,
    given: OWN_FIELDS.filter((field) => isGiven(webhook[field])),
    required,
    optional: optional.filter(isOwn),
    common: [],
    path,
    report,
  });
  checkSecrets(webhook, path, report);
};

const isGiven = (value: unknown): boolean => value !== undefined && !(Array.isArray(value) && value.length === 0);

const checkSecrets = ({ secret }: Pick<TriggerDraft, "secret">, path: Path, report: Report): void => {
  if (secret === undefined) return;
  if (!isList(secret)) {
    checkSecret(secret, [...path, "secret"], report);
    return;
  }
  if (secret.length > MAX_SECRETS)
    report.addAt([...path, "secret"], `has ${secret.length} entries; expected at most ${MAX_SECRETS}`);
  secret.forEach((each, index) => {
    if (each !== undefined) checkSecret(each, [...path, "secret", index], report);
  });
};

const isList = (secret: NonNullable<TriggerDraft["secret"]>): secret is readonly (SecretDraft | undefined)[] =>
  Array.isArray(secret);

const checkFiles = ({ paths = [], batch, max }: TriggerDraft, path: Path, report: Report): void => {
  if (paths.length > MAX_PATHS)
    report.addAt([...path, "paths"], `has ${paths.length} entries; expected at most ${MAX_PATHS}`);
  paths.forEach((pattern, index) => {
    const at = [...path, "paths", index];
    const problem = pattern === undefined || report.has(at) ? null : whyNotFilePattern(pattern);
    if (problem !== null) report.addAt(at, `'${shorten(pattern ?? "")}' ${problem}`);
  });
  if (max !== undefined && batch !== "all" && !report.has([...path, "batch"]))
    report.addAt([...path, "max"], "has no effect here; expected 'batch: all' beside it");
};

const checkMessages = ({ stream, subject }: TriggerDraft, path: Path, report: Report): void => {
  const check = (field: "stream" | "subject", text: string | undefined, whyNot: (text: string) => string | null) => {
    const at = [...path, field];
    const problem = text === undefined || text === "" || report.has(at) ? null : whyNot(text);
    if (problem !== null) report.addAt(at, `'${shorten(text ?? "")}' ${problem}`);
  };
  check("stream", stream, whyNotStream);
  check("subject", subject, whyNotSubject);
};

/** What the expressions of a trigger can refer to: no run and no task exist yet. */
const CONTEXTS: ReadonlySet<string> = new Set(["event", "config", "job"]);

const checkExpressions = (trigger: TriggerDraft, draft: JobDraft, path: Path, report: Report): void => {
  const scope = { draft, trigger };
  if (trigger.if !== undefined && trigger.if.trim() !== "") {
    const parsed = parseIf(trigger.if);
    const wrong = parsed instanceof Expression ? whyWrong(parsed, scope) : parsed;
    if (wrong !== null) report.addAt([...path, "if"], wrong.problem, wrong.part);
  }
  // It is expanded for each file, also if a run is for several.
  const ofFile = { draft, trigger: { ...trigger, batch: undefined } };
  checkTemplatesIn(trigger.done, ofFile, [...path, "done"], report);
  checkTemplatesIn(trigger.debounce?.key, scope, [...path, "debounce", "key"], report);
  for (const [name, value] of Object.entries(trigger.params ?? {}))
    checkTemplatesIn(value, scope, [...path, "params", name], report);
};

type TriggerScope = { readonly draft: JobDraft; readonly trigger: Pick<TriggerDraft, "type" | "batch"> };

const checkTemplatesIn = (text: string | undefined, scope: TriggerScope, path: Path, report: Report): void => {
  const seen = new Map<string, number>();
  for (const template of findTemplates(text ?? "")) {
    const nth = seen.get(template.text) ?? 0;
    seen.set(template.text, nth + 1);
    const problem = whyWrongTemplate(template, scope);
    if (problem !== null) report.addAt(path, problem, { text: template.text, nth });
  }
};

const whyWrongTemplate = (
  { text, expression }: { readonly text: string; readonly expression: string },
  scope: TriggerScope,
): string | null => {
  if (!text.endsWith("}}")) return "a template without its '}}'";
  const parsed = Expression.parse(expression);
  if (parsed instanceof Expression) return whyWrong(parsed, scope)?.problem ?? null;
  return `${text} ${parsed.problem}`;
};

/** Returns what is wrong with the first wrong reference of an expression, and that part of the text; or null. */
const whyWrong = ({ references }: Expression, { draft: { config = {} }, trigger }: TriggerScope) => {
  for (const { context, names, at } of references) {
    const [name] = names;
    if (!CONTEXTS.has(context))
      return { problem: `${context} is not known when an event arrives; expected event, config or job`, part: at };
    if (context === "config" && name !== undefined && !Object.hasOwn(config, name))
      return { problem: `there is no config value '${name}'; expected one of the job's config`, part: at };
    const problem = context === "event" ? whyNoEventValue(names, [trigger]) : null;
    if (problem !== null) return { problem, part: at };
  }
  return null;
};

/** Checks that a delivery can give the job the params that it requires. Values with templates are known only then. */
const checkParams = ({ params = {} }: TriggerDraft, draft: JobDraft, path: Path, report: Report): void => {
  if (report.has(["params"])) return;
  const isDynamic = (name: string): boolean => params[name]?.includes("${{") === true;
  const declared = Object.fromEntries(
    Object.entries(draft.params ?? {}).map(([name, param]) => [
      name,
      {
        description: null,
        default: param?.default ?? null,
        required: param?.required ?? false,
        enum: isDynamic(name) ? null : (param?.enum?.filter((each) => each !== undefined) ?? null),
        pattern: isDynamic(name) ? null : (param?.pattern ?? null),
      },
    ]),
  );
  const given = Object.fromEntries(Object.entries(params).map(([name, value]) => [name, value ?? ""]));
  const resolved = resolveParams(declared, given);
  if ("values" in resolved) return;
  for (const { name, problem } of resolved.problems)
    report.addAt(Object.hasOwn(params, name) ? [...path, "params", name] : [...path, "params"], problem);
};

/** The address of a webhook, and the id of what a trigger has accepted, contain its name. */
const checkNames = (triggers: readonly (TriggerDraft | undefined)[], report: Report): void => {
  const ofType = (type: EventTriggerType): number => triggers.filter((trigger) => trigger?.type === type).length;
  const ofJob = (job: string | undefined): number =>
    triggers.filter((each) => each?.type === "run" && each.job === job).length;
  const ofStream = (stream: string | undefined): number =>
    triggers.filter((each) => each?.type === "nats" && each.stream === stream).length;
  const seen = new Map<string, number>();
  triggers.forEach((trigger, index) => {
    if (trigger === undefined) return;
    const { name, type } = trigger;
    if (name === undefined) {
      if (type === "webhook" && ofType(type) > 1)
        report.addAt(["triggers", index, "name"], "missing; each of several webhooks of a job needs a name");
      if (type === "files" && ofType(type) > 1)
        report.addAt(["triggers", index, "name"], "missing; each of several files triggers of a job needs a name");
      if (type === "run" && ofJob(trigger.job) > 1)
        report.addAt(
          ["triggers", index, "name"],
          `missing; each of several triggers on the job '${trigger.job}' needs a name`,
        );
      if (type === "nats" && ofStream(trigger.stream) > 1)
        report.addAt(
          ["triggers", index, "name"],
          `missing; each of several triggers on the stream '${trigger.stream}' needs a name`,
        );
      return;
    }
    const first = seen.get(name);
    if (first === undefined) seen.set(name, index);
    else
      report.addAt(
        ["triggers", index, "name"],
        `'${name}' is the name of trigger ${first} as well; expected each once`,
      );
  });
};
