import { describe, expect, test } from "bun:test";
import { parseYaml } from "../../../src/jobfile/parse/parse.ts";
import { makePositions } from "../../../src/jobfile/parse/positions.ts";
import { readSignIn } from "../../../src/jobfile/read/sign-in.ts";

const read = (text: string) => {
  const root = parseYaml(text)[0]?.root;
  const entry = root?.kind === "map" ? root.entries[0] : undefined;
  if (entry === undefined) throw new Error("no entry");
  return readSignIn(entry, { text, folder: "/etc/petit" });
};

const problemsOf = (text: string): readonly string[] => {
  const found = read(text);
  if (!("faults" in found)) throw new Error("expected problems");
  const positions = makePositions(text);
  return found.faults.map(({ at, path, message }) => `${positions(at).line}: ${path}: ${message}`);
};

const PROXY = "from: [10.0.0.5], secret: {file: s}, user: Remote-User";
const OIDC = "issuer: https://id.example.com, client_id: petit";

describe("auth of the configuration file", () => {
  test("is read whole, with paths relative to the file", () => {
    const text = `auth:
  proxy: {from: [10.0.0.5, fd00::/8], secret: {file: proxy.secret}, user: Remote-User, groups: Remote-Groups, roles: {admin: [ops], viewer: ["*"]}}
  oidc:
    issuer: https://id.example.com
    client_id: petit
    client_secret: {env: PETIT_OIDC_SECRET}
    roles:
      admin: [ops]
      operator: [dev, {group: finance, jobs: ["etl_*"], tags: [finance]}]
      viewer: ["*"]
    allow: {hd: example.com, amr: [mfa, hwk]}
  contact: ops@example.com
`;
    expect(read(text)).toEqual({
      signIn: {
        proxy: {
          from: ["10.0.0.5", "fd00::/8"],
          secret: { file: "/etc/petit/proxy.secret" },
          user: "remote-user",
          groups: "remote-groups",
          roles: { admin: [{ group: "ops", limit: null }], operator: [], viewer: [{ group: "*", limit: null }] },
        },
        provider: {
          issuer: "https://id.example.com",
          clientId: "petit",
          clientSecret: { env: "PETIT_OIDC_SECRET" },
          scopes: ["openid", "profile", "email"],
          user: "email",
          groups: "groups",
          roles: {
            admin: [{ group: "ops", limit: null }],
            operator: [
              { group: "dev", limit: null },
              { group: "finance", limit: { jobs: ["etl_*"], tags: ["finance"] } },
            ],
            viewer: [{ group: "*", limit: null }],
          },
          allow: { hd: ["example.com"], amr: ["mfa", "hwk"] },
        },
        contact: "ops@example.com",
      },
    });
  });

  test.each([
    ["auth: {}", "1: auth.proxy: missing; expected one of proxy, oidc"],
    ["auth: {prox: {}}", "1: auth.prox: unknown field; did you mean 'proxy'?"],
    [`auth: {proxy: {${PROXY}, role: {admin: [ops]}}}`, "1: auth.proxy.role: unknown field; did you mean 'roles'?"],
    [`auth: {proxy: {${PROXY}, roles: {root: [ops]}}}`, "1: auth.proxy.roles.root: unknown field"],
    [
      `auth: {proxy: {${PROXY}, roles: {}}}`,
      "1: auth.proxy.roles.viewer: missing; expected one of viewer, operator, admin",
    ],
    [
      `auth: {proxy: {${PROXY}, roles: {admin: ops}}}`,
      "1: auth.proxy.roles.admin: is a text; expected a list, as in [ops]",
    ],
    [`auth: {proxy: {${PROXY}}}`, "1: auth.proxy.roles: missing; it is required"],
    [
      "auth:\n  proxy:\n    from: [10.0.0.5, proxy.local]\n    secret: {file: s}\n    user: Remote-User\n    roles: {admin: [ops]}\n",
      "3: auth.proxy.from[1]: is 'proxy.local'; expected an IP address, or a network such as 10.0.0.0/8 or fd00::/8",
    ],
    [
      "auth: {proxy: {from: [10.0.0.5], secret: hunter2, user: Remote-User, roles: {admin: [ops]}}}",
      "1: auth.proxy.secret: is a text; expected a map with env, file, credential …",
    ],
    [
      "auth: {proxy: {from: [10.0.0.5], secret: {file: s}, user: Remote_User, roles: {admin: [ops]}}}",
      "1: auth.proxy.user: 'Remote_User' is not the name of a header: letters, digits and '-'",
    ],
    [
      "auth: {proxy: {from: [10.0.0.5], secret: {file: s}, user: Cookie, roles: {admin: [ops]}}}",
      "1: auth.proxy.user: is a header with another meaning; expected one such as Remote-User",
    ],
    [
      `auth: {proxy: {${PROXY}, groups: remote-user, roles: {admin: [ops]}}}`,
      "1: auth.proxy.groups: is the header of 'user'; expected another one",
    ],
    [
      `auth: {proxy: {${PROXY}, roles: {admin: [{group: a, jobs: ["a b"]}]}}}`,
      "1: auth.proxy.roles.admin[0].jobs[0]: 'a b' is not a pattern of ids of jobs",
    ],
    [
      "auth: {oidc: {issuer: http://id.example.com, client_id: petit, roles: {admin: [ops]}}}",
      "1: auth.oidc.issuer: is not encrypted; expected https, or a provider on this machine",
    ],
    [
      "auth: {oidc: {issuer: id.example.com, client_id: petit, roles: {admin: [ops]}}}",
      "1: auth.oidc.issuer: is not a URL; expected one such as https://id.example.com",
    ],
    [
      "auth: {oidc: {issuer: 'https://a:hunter2@id.example.com', client_id: petit, roles: {admin: [ops]}}}",
      "1: auth.oidc.issuer: has a user, a query or a fragment; expected a URL such as https://id.example.com",
    ],
    [
      `auth: {oidc: {${OIDC}, client_secret: hunter2, roles: {admin: [ops]}}}`,
      "1: auth.oidc.client_secret: is a text; expected a map with env, file, credential …",
    ],
    [
      `auth:\n  oidc:\n    ${OIDC.replace(", ", "\n    ")}\n    roles:\n      admin: [ops]\n      viewer: [dev, "*"]\n`,
      "7: auth.oidc.roles.viewer[1]: is a role for everybody whom the provider lets in, which needs 'allow' with a claim, such as allow: {hd: example.com}",
    ],
    [
      `auth: {oidc: {${OIDC}, roles: {viewer: [{group: "*", jobs: [a]}]}, allow: {}}}`,
      "1: auth.oidc.roles.viewer[0]: is a role for everybody",
    ],
    [`auth: {oidc: {${OIDC}, scopes: [email], roles: {admin: [ops]}}}`, "1: auth.oidc.scopes: lacks 'openid'"],
    [
      `auth: {oidc: {${OIDC}, scopes: [openid, "a b"], roles: {admin: [ops]}}}`,
      "1: auth.oidc.scopes[1]: 'a b' is not a scope",
    ],
  ])("%s", (text, problem) => {
    const problems = problemsOf(text);
    expect(problems.join("\n")).toStartWith(problem);
    expect(problems.join("\n")).not.toContain("hunter2");
  });

  test("allows a provider without TLS on this machine", () => {
    for (const host of ["127.0.0.1:4000", "localhost:4000", "[::1]:4000"])
      expect(read(`auth: {oidc: {issuer: "http://${host}", client_id: petit, roles: {admin: [ops]}}}`)).toHaveProperty(
        "signIn",
      );
  });
});
