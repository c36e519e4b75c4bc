/** A time field of a crontab: its name, its bounds, and the names of its values, starting with `min`. */
type CrontabField = {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly names: readonly string[];
  /** The largest step that petit accepts: a larger one selects the first value only. */
  readonly maxStep: number;
};

const MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split(" ");
const WEEKDAYS = "sun mon tue wed thu fri sat".split(" ");

/** The five fields in order. */
export const FIELDS = [
  { name: "minute", min: 0, max: 59, names: [], maxStep: 60 },
  { name: "hour", min: 0, max: 23, names: [], maxStep: 24 },
  { name: "day of month", min: 1, max: 31, names: [], maxStep: 31 },
  { name: "month", min: 1, max: 12, names: MONTHS, maxStep: 12 },
  { name: "day of week", min: 0, max: 7, names: WEEKDAYS, maxStep: 7 },
] as const satisfies readonly CrontabField[];

/** Returns a number from 0 to `below - 1`, for a range such as `0~30`. */
type Choose = (below: number) => number;

/** A field in petit's syntax, or what is wrong with it. */
type ReadField =
  | { readonly kind: "field"; readonly text: string; readonly picked: number | null }
  | { readonly kind: "wrong"; readonly problem: string };

/**
 * Translates a field, with the grammar of cronie's crontab(5). In cron, only a `*` at the start of a field makes it a wildcard; in
 * petit any `*` does. So a field with a `*` elsewhere becomes a list of its values.
 */
export const readField = (text: string, field: CrontabField, pick: Choose): ReadField => {
  const terms: Term[] = [];
  for (const part of text.split(",")) {
    const term = readTerm(part, field, pick);
    if ("problem" in term) return { kind: "wrong", problem: term.problem };
    terms.push(term);
  }
  const picked = terms.find((term) => term.picked !== null)?.picked ?? null;
  return { kind: "field", text: joinTerms(text, terms, field), picked };
};

/** An item of a field's list: `from` to `to`, every `step`. */
type Term = {
  readonly text: string;
  readonly from: number;
  readonly to: number;
  readonly step: number;
  readonly picked: number | null;
};
type Wrong = { readonly problem: string };

const joinTerms = (text: string, terms: readonly Term[], field: CrontabField): string => {
  const stars = terms.filter((term) => term.text.startsWith("*"));
  if (stars.length === 0 || text.startsWith("*")) return terms.map((term) => term.text).join(",");
  return asRanges(
    new Set(terms.flatMap(({ from, to, step }) => range(from, to, step).map((value) => value % wrapOf(field)))),
  );
};

/** Sunday is 0 and 7. */
const wrapOf = (field: CrontabField): number => (field.max === 7 ? 7 : Number.POSITIVE_INFINITY);

/** Formats values as a list in which three or more successive ones are a range. */
const asRanges = (values: ReadonlySet<number>): string => {
  const runs: number[][] = [];
  for (const value of [...values].sort((a, b) => a - b)) {
    const run = runs.at(-1);
    if (run?.at(-1) === value - 1) run.push(value);
    else runs.push([value]);
  }
  return runs.map((run) => (run.length > 2 ? `${run[0]}-${run.at(-1)}` : run.join(","))).join(",");
};

const range = (from: number, to: number, step: number): readonly number[] =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, index) => from + index * step);

const readTerm = (part: string, field: CrontabField, pick: Choose): Term | Wrong => {
  const star = /^\*(?:\/(\d+))?$/.exec(part);
  if (star !== null) return withStep({ text: "*", from: field.min, to: field.max }, star[1], field);
  const random = /^([a-z\d]*)~([a-z\d]*)$/i.exec(part);
  if (random !== null) return readRandom(part, { low: random[1], high: random[2] }, field, pick);
  const [, low, high, step] = /^([a-z\d]+)(?:-([a-z\d]+)(?:\/(\d+))?)?$/i.exec(part) ?? [];
  if (low === undefined) return wrong(part, field);
  const from = readValue(low, field);
  if (typeof from !== "number") return from;
  if (high === undefined) return { text: part, from, to: from, step: 1, picked: null };
  const end = readValue(high, field);
  if (typeof end !== "number") return end;
  // cron takes `fri-sun` as Friday to Sunday, but not with a step.
  const to = field.max === 7 && end === 0 && from > 0 && step === undefined ? 7 : end;
  return from > to ? backwards(part, field) : withStep({ text: part.split("/")[0] ?? "", from, to }, step, field);
};

const withStep = (
  { text, from, to }: Pick<Term, "text" | "from" | "to">,
  stepText: string | undefined,
  field: CrontabField,
): Term | Wrong => {
  if (stepText === undefined) return { text, from, to, step: 1, picked: null };
  const step = Number(stepText);
  if (step === 0) return { problem: `the step of the ${field.name} field is 0; expected at least 1` };
  if (step <= field.maxStep) return { text: `${text}/${step}`, from, to, step, picked: null };
  const first = text === "*" ? `*/${field.maxStep}` : `${from}`;
  return { text: first, from, to: from, step: 1, picked: null };
};

const readRandom = (
  part: string,
  { low, high }: { readonly low: string | undefined; readonly high: string | undefined },
  field: CrontabField,
  pick: Choose,
): Term | Wrong => {
  const from = low ? readValue(low, field) : field.min;
  if (typeof from !== "number") return from;
  const to = high ? readValue(high, field) : field.max;
  if (typeof to !== "number") return to;
  if (from > to) return backwards(part, field);
  const picked = from + pick(to - from + 1);
  return { text: String(picked), from: picked, to: picked, step: 1, picked };
};

const readValue = (text: string, field: CrontabField): number | Wrong => {
  const index = field.names.indexOf(text.toLowerCase());
  if (index !== -1) return field.min + index;
  if (!/^\d+$/.test(text)) return wrong(text, field);
  const value = Number(text);
  if (value >= field.min && value <= field.max) return value;
  return { problem: `'${text}' is out of range in the ${field.name} field; expected ${field.min} to ${field.max}` };
};

const backwards = (part: string, field: CrontabField): Wrong => ({
  problem: `'${part}' runs backwards in the ${field.name} field, so that cron never runs it; expected two ranges in a list`,
});

const wrong = (part: string, { name, min, max, names }: CrontabField): Wrong => {
  const words = names.length === 0 ? "" : `, ${names[0]} to ${names.at(-1)}`;
  if (/^[a-z\d]+\/\d+$/i.test(part))
    return {
      problem: `'${part}' in the ${name} field has a step without a range; expected such as '${part.replace("/", `-${max}/`)}'`,
    };
  return {
    problem: `'${part}' is not understood in the ${name} field; expected ${min} to ${max}${words}, '*', a range, a list or a step`,
  };
};
