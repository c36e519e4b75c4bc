import { PING_EVENTS } from "../../domain/notification.ts";
import { formatDuration } from "../../lib/duration.ts";
import { shorten } from "../../lib/shorten.ts";
import type { Path } from "../parse/node.ts";
import type { Report } from "../report.ts";
import type { JobDraft } from "../schema/job.ts";
import { checkSecret, type SecretDraft } from "./secret.ts";

/** Maximum number of entries in a `notify` list. */
const MAX_ENTRIES = 20;
const MAX_TIMEOUT_MS = 60_000;

/** Headers that petit sets itself. */
const OWN_HEADERS: ReadonlySet<string> = new Set(
  ["host", "connection", "content-length", "content-type", "transfer-encoding"].concat(
    ["delivery", "event", "signature"].map((name) => `petit-${name}`),
  ),
);

type NotifyDraft = NonNullable<NonNullable<JobDraft["notify"]>[number]>;
type DiscreetDraft = string | SecretDraft | undefined;

/** Checks that each entry of `notify` can be sent. Messages never quote a URL or a value, because either can be a secret. */
export const checkNotify = ({ notify = [] }: JobDraft, report: Report): void => {
  if (notify.length > MAX_ENTRIES)
    report.addAt(["notify"], `has ${notify.length} entries; expected at most ${MAX_ENTRIES}`);
  notify.forEach((entry, index) => {
    if (entry !== undefined) checkEntry(entry, ["notify", index], report);
  });
};

const checkEntry = (entry: NotifyDraft, path: Path, report: Report): void => {
  checkTextOrSecret(entry.url, [...path, "url"], report, whyNotUrl);
  checkTextOrSecret(entry.secret, [...path, "secret"], report);
  for (const [name, value] of Object.entries(entry.headers ?? {}))
    checkHeader(name, value, [...path, "headers"], report);
  if (entry.type === "healthchecks") checkPing(entry, path, report);
  if ((entry.timeout ?? 0) > MAX_TIMEOUT_MS)
    report.addAt([...path, "timeout"], `is too long; expected at most ${formatDuration(MAX_TIMEOUT_MS)}`);
};

const checkPing = (entry: NotifyDraft, path: Path, report: Report): void => {
  if (entry.secret !== undefined)
    report.addAt([...path, "secret"], "is not a field of a healthchecks entry; only a webhook is signed");
  const events: readonly string[] = PING_EVENTS;
  entry.on?.forEach((event, index) => {
    if (event !== undefined && !events.includes(event))
      report.addAt([...path, "on", index], `there is no ping for '${event}'; expected one of ${events.join(", ")}`);
  });
};

const checkHeader = (name: string, value: DiscreetDraft, path: Path, report: Report): void => {
  const place = [...path, name];
  if (OWN_HEADERS.has(name.toLowerCase())) report.addAt(place, "is set by petit; expected another header");
  else checkTextOrSecret(value, place, report, whyNotHeader);
};

const checkTextOrSecret = (
  value: DiscreetDraft,
  path: Path,
  report: Report,
  whyNot: (text: string) => string | null = () => null,
): void => {
  if (typeof value === "object") checkSecret(value, path, report);
  else if (value !== undefined && !report.has(path)) {
    const problem = whyNot(value);
    if (problem !== null) report.addAt(path, problem);
  }
};

const whyNotUrl = (text: string): string | null => {
  if (text.includes("${"))
    return "is used literally, so '${…}' is not expanded; expected {env: NAME}, {file: PATH} or {credential: NAME} instead of the whole URL";
  if (!URL.canParse(text)) return "is not a URL; expected one such as https://example.com/hook";
  const { protocol, username, password } = new URL(text);
  if (protocol !== "http:" && protocol !== "https:")
    return `has the scheme '${shorten(protocol.slice(0, -1), 20)}'; expected http or https`;
  return username + password === ""
    ? null
    : "contains a user name or a password; expected them in headers: {Authorization: {env: NAME}}";
};

const whyNotHeader = (text: string): string | null =>
  /^[\x20-\x7e\xa0-\xff]*$/.test(text)
    ? null
    : "contains a character that a header cannot carry; expected Latin-1 characters";
