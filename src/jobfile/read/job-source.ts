import { resolve } from "node:path";
import type { WebhookVerification } from "../../domain/deliveries/trigger.ts";
import type { SecretSource } from "../../domain/secret.ts";
import { buildSource } from "../build/secret.ts";
import { buildWebhook } from "../build/trigger.ts";
import { checkVerification } from "../check/triggers/triggers.ts";
import type { Entry, MapNode } from "../parse/node.ts";
import type { Fault } from "../parse/parse.ts";
import { Place } from "../place.ts";
import { makeReport } from "../report.ts";
import type { ObjectType } from "../schema/field.ts";
import { SECRET } from "../schema/secret.ts";
import { VERIFICATION } from "../schema/trigger.ts";
import type { ConfigSource } from "./default-notify.ts";
import { isWhole, readValue } from "./value.ts";

const text = (form: string) => ({ kind: "text", form, maxLength: 1_000, characters: "name" }) as const;

const GIT = {
  kind: "object",
  fields: {
    url: {
      type: text("the URL of a repository"),
      doc: "The repository, without a password.",
      example: "git@git.example.com:ops/jobs.git",
    },
    ref: { type: text("a branch or a tag"), doc: "The branch or the tag.", example: "main" },
    path: { type: text("a path"), doc: "The folder of the job files within the repository.", example: "jobs" },
    poll: { type: text("a duration"), doc: "How often petit looks for a new commit.", example: "1m" },
    key: { type: SECRET, doc: "The private key for ssh." },
    token: { type: SECRET, doc: "The token for https." },
    known_hosts: { type: text("a path"), doc: "File with the keys of ssh servers.", example: "/etc/petit/known_hosts" },
    verify: {
      type: text("a path"),
      doc: "File with the signers that commits have to be signed by.",
      example: "/etc/petit/allowed_signers",
    },
    webhook: { type: VERIFICATION, doc: "Who may say with a webhook that there is something new." },
    ca: { type: text("a path"), doc: "File with the authorities of https servers.", example: "/etc/petit/ca.pem" },
  },
} as const satisfies ObjectType;

const CONFIGURATION = {
  kind: "object",
  fields: {
    jobs: {
      type: {
        kind: "object",
        fields: { git: { type: GIT, doc: "The repository with the job files.", required: true } },
      },
      doc: "Where the job files are from.",
      required: true,
    },
  },
} as const satisfies ObjectType;

/** How petit gets access to a repository. Paths are absolute. */
export type GitAccess = {
  readonly key: SecretSource | null;
  readonly token: SecretSource | null;
  readonly knownHosts: string | null;
  readonly ca: string | null;
  readonly verify: string | null;
  /** What verifies the webhook `_jobs`. */
  readonly webhook: { readonly verification: WebhookVerification; readonly secrets: readonly SecretSource[] } | null;
};

/** Without a configuration file. */
export const NO_ACCESS: GitAccess = { key: null, token: null, knownHosts: null, ca: null, verify: null, webhook: null };

/** What `jobs` of a configuration file says: values of settings by their names, and the access to the repository. */
export type JobSourceDraft = { readonly values: ReadonlyMap<string, string>; readonly access: GitAccess };

/** Reads `jobs` of a configuration file. Returns its problems, or what it says. */
export const readJobSource = (
  entry: Entry,
  { text: document, folder }: ConfigSource,
): { readonly source: JobSourceDraft } | { readonly faults: readonly Fault[] } => {
  const root: MapNode = { kind: "map", at: entry.keyAt, entries: [entry] };
  const report = makeReport(root, document);
  const draft = readValue(root, CONFIGURATION, Place.top(report));
  const hook = draft?.jobs?.git?.webhook;
  if (hook !== undefined) checkVerification(hook, ["jobs", "git", "webhook"], report);
  if (draft === undefined || report.faults.length > 0 || !isWhole(CONFIGURATION, draft, report))
    return { faults: report.faults };
  const { url, ref, path, poll, key, token, known_hosts: knownHosts, ca, verify, webhook } = draft.jobs.git;
  const given = { jobs_git: url, jobs_git_ref: ref, jobs_git_path: path, jobs_git_poll: poll };
  const absolute = (file: string): string => resolve(folder, file);
  return {
    source: {
      values: new Map(Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))),
      access: {
        key: key === undefined ? null : buildSource(key, absolute),
        token: token === undefined ? null : buildSource(token, absolute),
        knownHosts: knownHosts === undefined ? null : absolute(knownHosts),
        verify: verify === undefined ? null : absolute(verify),
        webhook: webhook === undefined ? null : buildWebhook(webhook, absolute),
        ca: ca === undefined ? null : absolute(ca),
      },
    },
  };
};
