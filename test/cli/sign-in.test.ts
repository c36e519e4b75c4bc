import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { petit as command, tempFolder } from "../support/cli.ts";
import { ask } from "../support/petit/api.ts";
import { type Petit, startPetit } from "../support/petit/petit.ts";
import { eventually } from "../support/torture/run.ts";

const SECRET = "the-secret-of-the-proxy";
const folder = tempFolder();
const config = folder.write(
  "config.yaml",
  `auth:
  proxy:
    from: [127.0.0.0/8]
    secret: {file: proxy.secret}
    user: Remote-User
    groups: Remote-Groups
    roles: {admin: [ops], viewer: ["*"]}
`,
);
folder.write("proxy.secret", `${SECRET}\n`);

let petit: Petit;
beforeAll(async () => {
  petit = await startPetit({
    jobs: { "hello.yaml": 'id: hello\ntasks: [{id: only, type: command, command: "true"}]\n' },
    env: { PETIT_CONFIG: config },
  });
});
afterAll(async () => {
  await petit[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const ADA = { "remote-user": "ada", "remote-groups": "ops" };
const whoIs = (secret: string) => ask(petit, "/api/session", { headers: { ...ADA, "x-petit-proxy-secret": secret } });

describe("a petit with auth: {proxy: …}", () => {
  test("knows whom the proxy has identified, and nobody else", async () => {
    expect(await whoIs(SECRET)).toMatchObject({ status: 200, body: { name: "ada", role: "admin", via: "proxy" } });
    expect(await whoIs("wrong")).toMatchObject({ status: 403 });
    expect(await ask(petit, "/api/session")).toMatchObject({ status: 401 });
    expect(await ask(petit, "/api/jobs", { headers: { REMOTE_USER: "ada" } })).toMatchObject({ status: 403 });
  });

  test("names the person who has started a run", async () => {
    const response = await petit.fetch("/api/jobs/hello/trigger", {
      method: "POST",
      headers: { ...ADA, "x-petit-proxy-secret": SECRET, origin: petit.url },
    });
    const { run_id: runId } = await response.json();
    const headers = { ...ADA, "x-petit-proxy-secret": SECRET };
    expect(await ask(petit, `/api/runs/${runId}`, { headers })).toMatchObject({ body: { triggered_by: "ada" } });
  });

  test("reads the file of the secret again when it has changed, and keeps the last one if it is gone", async () => {
    folder.write("proxy.secret", "another-secret\n");
    await eventually("the new secret counts", async () =>
      (await whoIs("another-secret")).status === 200 ? true : null,
    );
    expect((await whoIs(SECRET)).status).toBe(403);
    const seenBy = async (group: string) => {
      const headers = { "remote-user": "ada", "remote-groups": group, "x-petit-proxy-secret": "another-secret" };
      return (await ask(petit, "/api/attention", { headers })).body.items;
    };
    expect(await seenBy("ops")).toEqual([]);
    writeFileSync(join(folder.path, "proxy.secret"), "");
    expect(await seenBy("ops")).toMatchObject([
      {
        id: "secret_unreadable:auth.proxy.secret",
        severity: "warning",
        key: "auth.proxy.secret",
        problem: expect.stringContaining("proxy.secret"),
      },
    ]);
    expect(await seenBy("others")).toEqual([]);
    expect((await whoIs("another-secret")).status).toBe(200);
    expect(petit.stderr()).toContain("auth.proxy.secret can't be read again; the last one stays in use");
    expect(petit.stderr()).not.toContain("another-secret");
    folder.write("proxy.secret", "another-secret\n");
    expect(await seenBy("ops")).toEqual([]);
  });
});

test("petit run refuses a configuration file whose secret can't be read, and shows no secret", async () => {
  using wrong = tempFolder();
  const path = wrong.write(
    "config.yaml",
    "auth:\n  proxy: {from: [10.0.0.5], secret: {file: nothing}, user: Remote-User, roles: {admin: [ops]}}\n",
  );
  wrong.write("jobs/.keep", "");
  const run = await command(["run", join(wrong.path, "jobs"), "--db", ":memory:", "--config", path]);
  expect([run.status, run.stderr]).toEqual([
    2,
    expect.stringContaining(`auth.proxy.secret: the file ${join(wrong.path, "nothing")} can't be read (ENOENT)`),
  ]);
});
