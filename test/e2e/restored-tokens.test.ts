import { describe, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { petit, type TempFolder, tempFolder } from "../support/cli.ts";
import { type Petit, startPetit } from "../support/petit/petit.ts";

const commandIn = (folder: TempFolder) => {
  const db = join(folder.path, "petit.db");
  const run = (...args: readonly string[]) => petit([...args, "--db", db], { cwd: folder.path });
  /** Creates a token, and returns its text. */
  const create = async (name: string): Promise<string> =>
    (await run("tokens", "create", name, "--role", "admin")).stdout.trim();
  return { db, run, create };
};

const statusWith = async (running: Petit, headers: Readonly<Record<string, string>>): Promise<number> =>
  (await running.fetch("/api/jobs", { headers })).status;

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** The name of the cookie has the port of petit. */
const cookieOf = (running: Petit, session: string) => ({
  cookie: `petit_session_${new URL(running.url).port}=${session}`,
});

/** Logs in with a token, and returns the value of the cookie. */
const logIn = async (running: Petit, token: string): Promise<string> => {
  const body = JSON.stringify({ token });
  const headers = { "content-type": "application/json" };
  const response = await running.fetch("/api/session", { method: "POST", body, headers });
  expect(response.status).toBe(200);
  return /=([^;]+)/.exec(response.headers.get("set-cookie") ?? "")?.[1] ?? "";
};

const logOut = async (running: Petit, session: string): Promise<void> => {
  const headers = { ...cookieOf(running, session), origin: running.url };
  const response = await running.fetch("/api/session", { method: "DELETE", headers });
  expect(response.status).toBe(200);
};

describe("a restore of an older copy", () => {
  test("lets in nobody whose token was revoked or replaced since, and no login that has ended", async () => {
    using folder = tempFolder();
    const { run, create } = commandIn(folder);
    const given = "the-token-of-a-file-0123456789012345";
    const start = () => startPetit({ dir: folder.path, env: { PETIT_API_TOKEN: `fay: ${given}` } });
    const [kept, revoked, replaced] = [await create("kept"), await create("revoked"), await create("replaced")];
    const running = await start();
    const sessions = {
      open: await logIn(running, kept),
      ended: await logIn(running, kept),
      ofRevoked: await logIn(running, revoked),
      ofFile: await logIn(running, given),
    };
    expect(await run("backup", "copy.db")).toMatchObject({ status: 0 });
    await logOut(running, sessions.ended);
    await logOut(running, sessions.ofFile);
    await running.stop();
    expect(await run("tokens", "revoke", "revoked")).toMatchObject({ status: 0 });
    const rotated = (await run("tokens", "rotate", "replaced", "--grace", "0s")).stdout.trim();
    const dry = await run("restore", "copy.db", "--dry-run", "--json");
    expect(JSON.parse(dry.stdout)).toMatchObject({ revoked_tokens: ["revoked"], valid_tokens: ["kept", "replaced"] });
    expect(await run("restore", "copy.db")).toMatchObject({
      status: 0,
      stderr: expect.stringContaining("revoked since the copy, and still revoked: revoked\n"),
    });
    await using restored = await start();
    const answers = {
      kept: await statusWith(restored, bearer(kept)),
      revoked: await statusWith(restored, bearer(revoked)),
      replaced: await statusWith(restored, bearer(replaced)),
      unknown: await statusWith(restored, bearer(rotated)),
      open: await statusWith(restored, cookieOf(restored, sessions.open)),
      ended: await statusWith(restored, cookieOf(restored, sessions.ended)),
      ofRevoked: await statusWith(restored, cookieOf(restored, sessions.ofRevoked)),
      ofFile: await statusWith(restored, cookieOf(restored, sessions.ofFile)),
    };
    expect(answers).toEqual({
      kept: 200,
      revoked: 401,
      replaced: 401,
      unknown: 401,
      open: 200,
      ended: 401,
      ofRevoked: 401,
      ofFile: 401,
    });
  }, 60_000);

  test.each(["damaged", "missing"])(
    "says that tokens may be valid again if the old database is %s, and ends logins",
    async (state) => {
      using folder = tempFolder();
      const { db, run, create } = commandIn(folder);
      const token = await create("mara");
      const running = await startPetit({ dir: folder.path });
      const session = await logIn(running, token);
      expect(await run("backup", "copy.db")).toMatchObject({ status: 0 });
      await running.stop();
      if (state === "damaged") writeFileSync(db, "no database");
      else rmSync(db);
      const { status, stderr } = await run("restore", "copy.db");
      expect(status).toBe(0);
      expect(stderr).toContain("so tokens that were revoked since the copy are valid again: mara\n");
      expect(stderr).toContain(`list them with 'petit tokens --db ${db}', and revoke again what was revoked\n`);
      await using restored = await startPetit({ dir: folder.path });
      expect(await statusWith(restored, bearer(token))).toBe(200);
      expect(await statusWith(restored, cookieOf(restored, session))).toBe(401);
    },
    60_000,
  );

  test("says that nothing is protected if the copy has no valid token", async () => {
    using folder = tempFolder();
    const { run, create } = commandIn(folder);
    await create("first");
    expect(await run("backup", "copy.db")).toMatchObject({ status: 0 });
    await create("second");
    expect(await run("tokens", "revoke", "first")).toMatchObject({ status: 0 });
    expect((await run("restore", "copy.db")).stderr).toContain("the copy has no valid token, so without a token file");
  }, 60_000);
});
