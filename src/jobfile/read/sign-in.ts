import { resolve } from "node:path";
import { ROLES } from "../../domain/people/role.ts";
import {
  EVERYBODY,
  type ProviderSettings,
  type ProxySettings,
  type RoleRules,
  type SignInSettings,
} from "../../domain/people/sign-in.ts";
import { isNetwork, NETWORK_FORM } from "../../lib/network/addresses.ts";
import { shorten } from "../../lib/text.ts";
import { buildSource } from "../build/secret.ts";
import type { Entry, MapNode, Path } from "../parse/node.ts";
import type { Fault } from "../parse/parse.ts";
import { Place } from "../place.ts";
import { makeReport, type Report } from "../report.ts";
import type { Draft, ObjectType, Value } from "../schema/field.ts";
import { SECRET } from "../schema/secret.ts";
import { tag } from "../schema/text.ts";
import type { ConfigSource } from "./default-notify.ts";
import { isWhole, readValue } from "./value.ts";

const text = (form: string) => ({ kind: "text", form, maxLength: 1_000, characters: "name" }) as const;

const header = {
  kind: "text",
  form: "the name of a header: letters, digits and '-'",
  pattern: "^[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}[A-Za-z0-9])?$",
  characters: "name",
} as const;

const claim = { kind: "text", form: "the name of a claim", maxLength: 256, characters: "name" } as const;

const jobPattern = {
  kind: "text",
  form: "a pattern of ids of jobs: 1 to 128 letters, digits, '_', '.', '-' and '*'",
  pattern: "^[A-Za-z0-9_.*-]{1,128}$",
  characters: "name",
} as const;

const group = text("a group");

const ENTRY = {
  kind: "object",
  fields: {
    group: { type: group, doc: "The group.", required: true, example: "finance" },
    jobs: {
      type: { kind: "list", of: jobPattern, minItems: 1 },
      doc: "The only jobs that it may know of.",
      example: ["etl_*"],
    },
    tags: {
      type: { kind: "list", of: tag, minItems: 1 },
      doc: "Tags of which such a job has one.",
      example: ["finance"],
    },
  },
} as const satisfies ObjectType;

const entries = { kind: "list", of: { kind: "shape", scalar: group, map: ENTRY }, minItems: 1 } as const;

const ROLE_LISTS = {
  kind: "object",
  fields: {
    viewer: { type: entries, doc: "Groups that read.", example: [EVERYBODY] },
    operator: {
      type: entries,
      doc: "Groups that also trigger, cancel, retry, approve and pause jobs.",
      example: ["dev"],
    },
    admin: { type: entries, doc: "Groups that also decide about petit itself.", example: ["ops"] },
  },
  oneOf: [ROLES],
} as const satisfies ObjectType;

const roles = { type: ROLE_LISTS, doc: "Which groups have which role.", required: true } as const;

const PROXY = {
  kind: "object",
  fields: {
    from: {
      type: { kind: "list", of: text("an address"), minItems: 1, unique: true },
      doc: "Addresses and networks from which the proxy connects.",
      required: true,
      example: ["10.0.0.5"],
    },
    secret: { type: SECRET, doc: "What the proxy sends in X-Petit-Proxy-Secret.", required: true },
    user: { type: header, doc: "The header with the name of the person.", required: true, example: "Remote-User" },
    groups: { type: header, doc: "The header with the groups, separated by commas.", example: "Remote-Groups" },
    roles,
  },
} as const satisfies ObjectType;

const OIDC = {
  kind: "object",
  fields: {
    issuer: { type: text("a URL"), doc: "The URL of the provider.", required: true, example: "https://id.example.com" },
    client_id: {
      type: text("the id of a client"),
      doc: "What the provider calls petit.",
      required: true,
      example: "petit",
    },
    client_secret: { type: SECRET, doc: "The secret of the client, unless it has none." },
    scopes: {
      type: {
        kind: "list",
        of: { kind: "text", form: "a scope", pattern: "^[\\x21\\x23-\\x5b\\x5d-\\x7e]{1,128}$", characters: "name" },
        minItems: 1,
        unique: true,
      },
      doc: "What petit asks for.",
      default: ["openid", "profile", "email"],
      example: ["openid", "email", "groups"],
    },
    user: { type: claim, doc: "The claim with the name of the person.", default: "email", example: "email" },
    groups: { type: claim, doc: "The claim with the groups.", default: "groups", example: "groups" },
    roles,
    allow: {
      type: {
        kind: "map",
        keys: claim,
        of: { kind: "shape", scalar: text("a value"), list: { kind: "list", of: text("a value"), minItems: 1 } },
      },
      doc: "Claims, and the value or values of which a person must have one.",
      example: { hd: "example.com" },
    },
  },
} as const satisfies ObjectType;

const AUTH = {
  kind: "object",
  fields: {
    proxy: { type: PROXY, doc: "People whom a proxy has identified." },
    oidc: { type: OIDC, doc: "People who log in at an OpenID provider." },
    contact: { type: text("whom to ask"), doc: "Whom to ask for a role.", example: "ops@example.com" },
  },
  oneOf: [["proxy", "oidc"]],
} as const satisfies ObjectType;

const CONFIGURATION = {
  kind: "object",
  fields: { auth: { type: AUTH, doc: "Where people come from.", required: true } },
} as const satisfies ObjectType;

/** The key of the configuration file. */
export const AUTH_KEY = "auth";

/** Reads `auth` of a configuration file. Returns its problems, or the settings with absolute paths. */
export const readSignIn = (
  entry: Entry,
  { text: document, folder }: ConfigSource,
): { readonly signIn: SignInSettings } | { readonly faults: readonly Fault[] } => {
  const root: MapNode = { kind: "map", at: entry.keyAt, entries: [entry] };
  const report = makeReport(root, document);
  const draft = readValue(root, CONFIGURATION, Place.top(report));
  if (draft?.auth !== undefined) checkAuth(draft.auth, report);
  if (draft === undefined || report.faults.length > 0 || !isWhole(CONFIGURATION, draft, report))
    return { faults: report.faults };
  const { proxy, oidc, contact } = draft.auth;
  const absolute = (path: string): string => resolve(folder, path);
  return {
    signIn: {
      proxy: proxy === undefined ? null : proxyOf(proxy, absolute),
      provider: oidc === undefined ? null : providerOf(oidc, absolute),
      contact: contact ?? null,
    },
  };
};

const checkAuth = ({ proxy, oidc }: Draft<Value<typeof AUTH>>, report: Report): void => {
  proxy?.from?.forEach((address, index) => {
    if (address !== undefined && !isNetwork(address))
      report.addAt(["auth", "proxy", "from", index], `is '${shorten(address)}'; expected ${NETWORK_FORM}`);
  });
  const names = [proxy?.user, proxy?.groups].map((name) => name?.toLowerCase());
  if (names[0] !== undefined && names[0] === names[1])
    report.addAt(["auth", "proxy", "groups"], "is the header of 'user'; expected another one");
  for (const [index, field] of (["user", "groups"] as const).entries())
    if (RESERVED_HEADERS.has(names[index] ?? ""))
      report.addAt(["auth", "proxy", field], "is a header with another meaning; expected one such as Remote-User");
  if (oidc === undefined) return;
  const problem = oidc.issuer === undefined ? null : issuerProblem(oidc.issuer);
  if (problem !== null) report.addAt(["auth", "oidc", "issuer"], problem);
  if (oidc.scopes !== undefined && !oidc.scopes.includes("openid"))
    report.addAt(
      ["auth", "oidc", "scopes"],
      "lacks 'openid'; expected it, because without it the provider does not say who logs in",
    );
  for (const [claimName] of Object.entries(oidc.allow ?? {}).filter(([name]) => name === ""))
    report.addAt(["auth", "oidc", "allow", claimName], "is empty; expected the name of a claim");
  if (Object.keys(oidc.allow ?? {}).length > 0) return;
  for (const path of everybodyOf(oidc.roles))
    report.addAt(
      ["auth", "oidc", "roles", ...path],
      "is a role for everybody whom the provider lets in, which needs 'allow' with a claim, such as allow: {hd: example.com}",
    );
};

const RESERVED_HEADERS: ReadonlySet<string> = new Set([
  "x-petit-proxy-secret",
  "authorization",
  "cookie",
  "host",
  "origin",
  "content-length",
  "content-type",
  "x-forwarded-for",
]);

/** Returns where a role is given to everybody. */
const everybodyOf = (lists: Draft<Value<typeof ROLE_LISTS>> | undefined): readonly Path[] =>
  ROLES.flatMap((role) =>
    (lists?.[role] ?? []).flatMap((each, index) =>
      (typeof each === "string" ? each : each?.group) === EVERYBODY ? [[role, index]] : [],
    ),
  );

const issuerProblem = (issuer: string): string | null => {
  const url = URL.parse(issuer);
  if (url === null || !/^https?:$/.test(url.protocol))
    return "is not a URL; expected one such as https://id.example.com";
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "")
    return "has a user, a query or a fragment; expected a URL such as https://id.example.com";
  if (url.protocol === "http:" && !/^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname))
    return "is not encrypted; expected https, or a provider on this machine";
  return null;
};

type Absolute = (path: string) => string;

const proxyOf = (
  { from, secret, user, groups, roles: lists }: Value<typeof PROXY>,
  absolute: Absolute,
): ProxySettings => ({
  from,
  secret: buildSource(secret, absolute),
  user: user.toLowerCase(),
  groups: groups?.toLowerCase() ?? null,
  roles: rulesOf(lists),
});

const providerOf = (fields: Value<typeof OIDC>, absolute: Absolute): ProviderSettings => {
  const { issuer, client_id: clientId, client_secret: secret, scopes, user, groups, allow } = fields;
  return {
    issuer,
    clientId,
    clientSecret: secret === undefined ? null : buildSource(secret, absolute),
    scopes,
    user,
    groups,
    roles: rulesOf(fields.roles),
    allow: allow === undefined || Object.keys(allow).length === 0 ? null : valuesOf(allow),
  };
};

const valuesOf = (allow: Readonly<Record<string, string | readonly string[]>>): ProviderSettings["allow"] =>
  Object.fromEntries(Object.entries(allow).map(([name, value]) => [name, typeof value === "string" ? [value] : value]));

const rulesOf = (lists: Value<typeof ROLE_LISTS>): RoleRules => ({
  viewer: entriesOf(lists.viewer),
  operator: entriesOf(lists.operator),
  admin: entriesOf(lists.admin),
});

const entriesOf = (given: Value<typeof ROLE_LISTS>["viewer"] = []): RoleRules["viewer"] =>
  given.map((each) => {
    if (typeof each === "string") return { group: each, limit: null };
    const { group: name, jobs = null, tags = null } = each;
    return { group: name, limit: jobs === null && tags === null ? null : { jobs, tags } };
  });
