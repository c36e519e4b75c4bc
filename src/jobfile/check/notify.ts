import { formatDuration } from "../../lib/duration.ts";
import { shorten } from "../../lib/text.ts";
import type { Path } from "../parse/node.ts";
import type { Report } from "../report.ts";
import { whyNotHeader } from "../schema/header.ts";
import type { JobDraft } from "../schema/job.ts";
import { NOTIFY_ENTRIES, NOTIFY_FIELD_NAMES } from "../schema/notify.ts";
import { checkFieldsOfType, withArticle } from "./fields-of-type.ts";
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
export const checkNotify = ({ notify = [] }: Pick<JobDraft, "notify">, report: Report): void => {
  if (notify.length > MAX_ENTRIES)
    report.addAt(["notify"], `has ${notify.length} entries; expected at most ${MAX_ENTRIES}`);
  notify.forEach((entry, index) => {
    if (entry !== undefined) checkEntry(entry, ["notify", index], report);
  });
};

const checkEntry = (entry: NotifyDraft, path: Path, report: Report): void => {
  checkFields(entry, path, report);
  checkTextOrSecret(entry.url, [...path, "url"], report, whyNotUrl);
  for (const field of ["secret", "token", "password", "user"] as const)
    checkTextOrSecret(entry[field], [...path, field], report);
  for (const [name, value] of Object.entries(entry.headers ?? {}))
    checkHeader(name, value, [...path, "headers"], report);
  checkReceiver(entry, path, report);
  if (entry.type === "email") checkLogin(entry, path, report);
  if ((entry.timeout ?? 0) > MAX_TIMEOUT_MS)
    report.addAt([...path, "timeout"], `is too long; expected at most ${formatDuration(MAX_TIMEOUT_MS)}`);
};

/** Checks that an entry has only the fields of its type, and those that it requires. */
const checkFields = (entry: NotifyDraft, path: Path, report: Report): void => {
  if (entry.type === undefined) return;
  const { required, optional } = NOTIFY_ENTRIES[entry.type];
  const what = `${withArticle(entry.type)} entry`;
  const given = NOTIFY_FIELD_NAMES.filter((field) => isGiven(entry[field]));
  checkFieldsOfType({ what, given, required, optional, common: ["on", "timeout"], path, report });
};

const isGiven = (value: unknown): boolean =>
  value !== undefined && (typeof value !== "object" || value === null || Object.keys(value).length > 0);

/** Checks what the type of an entry allows in `url` and `on`. */
const checkReceiver = ({ type, url, on = [] }: NotifyDraft, path: Path, report: Report): void => {
  if (type === undefined) return;
  const { pings, whyNotUrl: whyNotReceiver = () => null } = NOTIFY_ENTRIES[type];
  const place = [...path, "url"];
  if (typeof url === "string" && !report.has(place)) {
    const problem = whyNotReceiver(new URL(url));
    if (problem !== null) report.addAt(place, problem);
  }
  on.forEach((event, index) => {
    if (pings !== undefined && event !== undefined && !pings.includes(event))
      report.addAt([...path, "on", index], `there is no ping for '${event}'; expected one of ${pings.join(", ")}`);
  });
};

/** Sending a password without encryption is allowed only within this machine. */
const checkLogin = ({ user, password, tls, host }: NotifyDraft, path: Path, report: Report): void => {
  if ((user === undefined) !== (password === undefined)) {
    const [present, missing] = user === undefined ? ["password", "user"] : ["user", "password"];
    if (!report.has([...path, missing]) && !report.has([...path, present]))
      report.addAt([...path, missing], `missing; ${present} needs it`);
  }
  if (tls === "none" && password !== undefined && host !== undefined && !LOOPBACK.test(host))
    report.addAt([...path, "tls"], "would send the password unencrypted; expected starttls or tls");
};

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/i;

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
