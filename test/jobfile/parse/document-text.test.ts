import { describe, expect, test } from "bun:test";
import { readJobFile } from "../../../src/jobfile/read/job-file.ts";

const documentsOf = (text: string) => {
  const { jobs, problems } = readJobFile({ file: "f.yaml", folder: "/jobs", text });
  expect(problems).toEqual([]);
  return jobs.map(({ source }) => source.document);
};

const TASKS = "tasks: [{id: t, type: shell, script: echo}]";

describe("the text of a job", () => {
  test("is its document with comments, from its first line", () => {
    const text = `# first\n\nid: a\n${TASKS}\n# end of a\n---\n# about b\nid: b\n${TASKS}\n...\n---\n\n\nid: c\n${TASKS}\n\n`;
    expect(documentsOf(text)).toEqual([
      { line: 1, text: `# first\n\nid: a\n${TASKS}\n# end of a\n` },
      { line: 7, text: `# about b\nid: b\n${TASKS}\n...\n` },
      { line: 14, text: `id: c\n${TASKS}\n` },
    ]);
  });

  test("starts after the marker of the first document", () => {
    expect(documentsOf(`---\r\nid: a\r\n${TASKS}\r\n`)).toEqual([{ line: 2, text: `id: a\r\n${TASKS}\n` }]);
  });

  test("masks URLs and headers of notifications", () => {
    const [document] = documentsOf(`id: a
notify:
  - {type: webhook, url: "https://hooks.example.com/T0/B0/hunter2", headers: {X-Room: hunter3}, secret: {env: HOOK}}
  - type: healthchecks
    url: {env: PING_URL}
${TASKS}
`);
    expect(document?.text).toBe(`id: a
notify:
  - {type: webhook, url: "https://hooks.example.com/…", headers: {X-Room: "…"}, secret: {env: HOOK}}
  - type: healthchecks
    url: {env: PING_URL}
${TASKS}
`);
  });

  test("masks headers and addresses of requests, and shows the sources of secrets", () => {
    const [document] = documentsOf(`id: a
environment: {KEY: {credential: api-key}, PASSWORD: {file: /run/password}}
tasks:
  - id: t
    type: http
    url: https://api.example.com/x?day=1&access_token=hunter2&page=2
    headers: {Authorization: Bearer hunter3, Cookie: hunter4, X-Api-Key: {credential: api-key}, Accept: text/csv}
  - {id: u, type: shell, script: 'curl "https://api.example.com/?token=$TOKEN"'}
`);
    expect(document?.text).toBe(`id: a
environment: {KEY: {credential: api-key}, PASSWORD: {file: /run/password}}
tasks:
  - id: t
    type: http
    url: https://api.example.com/x?day=1&access_token=…&page=2
    headers: {Authorization: "…", Cookie: "…", X-Api-Key: {credential: api-key}, Accept: text/csv}
  - {id: u, type: shell, script: 'curl "https://api.example.com/?token=$TOKEN"'}
`);
  });

  test("masks values with a secret's name and passwords in URLs", () => {
    const [document] = documentsOf(`id: a
params: {token: {default: x}}
config: {db: "postgres://petit:hunter2@db.example.com/x"}
environment:
  API_KEY: hunter3
  DB_PASSWORD: |
    hunter4
  REGION: eu
tasks:
  - {id: t, type: shell, script: echo, environment: {MY_TOKEN: "\${{ params.token }}", GH_TOKEN: hunter5}}
`);
    expect(document?.text).not.toContain("hunter");
    expect(document?.text).toContain(`db: "postgres://…@db.example.com/x"`);
    expect(document?.text).toContain(`  API_KEY: "…"\n  DB_PASSWORD: "…"\n  REGION: eu\n`);
    expect(document?.text).toContain(`{MY_TOKEN: "\${{ params.token }}", GH_TOKEN: "…"}`);
  });

  test.each([
    "PGPASS",
    "SMTP_PASS",
    "MYSQL_PWD",
    "BASIC_AUTH",
    "STRIPE_KEY",
    "SSH_KEY",
    "api-key",
    "AUTHORIZATION",
    "Signing.Key",
    "TOKEN_2",
  ])("hides an environment's %s", (name) => {
    const [document] = documentsOf(`id: a\nenvironment: {${name}: hunter2, MONKEY_ISLAND: 3}\n${TASKS}\n`);
    expect(document?.text).toBe(`id: a\nenvironment: {${name}: "…", MONKEY_ISLAND: 3}\n${TASKS}\n`);
  });

  test("masks a secret next to a template, but not a template alone", () => {
    const [document] = documentsOf(`id: a
params: {p: {default: x}}
environment: {A_TOKEN: "hunter2-\${{ params.p }}", B_TOKEN: "\${{ params.p }}"}
${TASKS}
`);
    expect(document?.text).toContain(`environment: {A_TOKEN: "…", B_TOKEN: "\${{ params.p }}"}`);
  });

  test("masks the value of an alias at its anchor", () => {
    const [document] = documentsOf(`id: a
config: {where: &hook "https://hooks.example.com/hunter2"}
notify: [{type: webhook, url: *hook}]
${TASKS}
`);
    expect(document?.text).not.toContain("hunter");
  });
});
