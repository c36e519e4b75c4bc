import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { petit, tempFolder } from "../../support/cli.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { eventually } from "../../support/torture/run.ts";

describe("petit tokens", () => {
  test("creates tokens in a database before petit runs on it, which then accepts them", async () => {
    using folder = tempFolder();
    const db = join(folder.path, "petit.db");
    expect(await petit(["tokens", "--db", db])).toMatchObject({
      status: 0,
      stdout: "",
      stderr: "there are no tokens; create one with 'petit tokens create NAME --role ROLE'\n",
    });
    const created = await petit(["tokens", "create", "mara", "--role", "operator", "--expires", "90d", "--db", db]);
    expect(created.status).toBe(0);
    expect(created.stdout).toMatch(/^petit_[\w-]{43}\n$/);
    expect(created.stderr).toContain("so petit requires a token from now on");
    expect(created.stderr).toContain("it expires on ");
    expect(readFileSync(db).includes(created.stdout.trim())).toBe(false);
    await using running = await startPetit({ dir: folder.path });
    expect(running.stderr()).not.toContain("restored");
    const file = folder.write("mara.token", created.stdout);
    const whoami = await petit(["whoami", "--url", running.url, "--token-file", file]);
    expect(whoami).toMatchObject({ status: 0, stdout: "mara\nrole operator, from 127.0.0.1\n" });
    const refused = await petit(["reload", "--url", running.url, "--token-file", file]);
    expect(refused).toMatchObject({ status: 2, stderr: expect.stringContaining("this needs the role admin") });
    expect((await petit(["whoami", "--url", running.url])).status).toBe(2);
    expect(await petit(["tokens", "revoke", "mara", "--db", db])).toMatchObject({ status: 0 });
    const isRefused = async () => {
      const { status, stderr } = await petit(["whoami", "--url", running.url, "--token-file", file]);
      return (
        status === 2 && /the token 'mara' was revoked on \d.* UTC; give another one with --token-file/.test(stderr)
      );
    };
    await eventually("the token is refused", async () => ((await isRefused()) ? true : null));
  });

  test("creates the token without which other machines must not reach petit", async () => {
    using folder = tempFolder();
    const args = ["--api-host", "0.0.0.0"];
    expect((await petit(["tokens", "--db", join(folder.path, "petit.db")])).status).toBe(0);
    await expect(startPetit({ dir: folder.path, args })).rejects.toThrow("petit tokens create NAME --role admin");
    const { stdout } = await petit([
      "tokens",
      "create",
      "ada",
      "--role",
      "admin",
      "--db",
      join(folder.path, "petit.db"),
    ]);
    const doctor = await petit(["doctor", "--db", join(folder.path, "petit.db"), ...args, "--json"]);
    expect(JSON.parse(doctor.stdout).checks).toContainEqual(
      expect.objectContaining({ name: "api_access", status: "ok" }),
    );
    await using running = await startPetit({ dir: folder.path, args });
    const url = running.url.replace("0.0.0.0", "127.0.0.1");
    const whoami = ["whoami", "--url", url, "--token-file", folder.write("ada.token", stdout)];
    expect(await petit(whoami)).toMatchObject({ status: 0, stdout: "ada\nrole admin, from 127.0.0.1\n" });
    await petit(["tokens", "revoke", "ada", "--url", url, ...whoami.slice(3)]);
    expect((await fetch(`${url}/api/jobs`)).status).toBe(401);
  });

  test("limits a token to jobs, says so everywhere, and keeps the limit when it is rotated", async () => {
    const job = "id: etl_load\ntags: [finance]\ntasks: [{id: a, type: shell, script: exit 0}]\n";
    await using running = await startPetit({ jobs: { "etl_load.yaml": job } });
    using folder = tempFolder();
    const limit = ["--jobs", "etl_*", "--jobs", "load", "--tags", "finance"];
    const made = await petit(["tokens", "create", "etl", "--role", "operator", ...limit, "--db", running.dbPath]);
    expect(made.stderr).toContain(
      "created the token 'etl' with the role operator, limited to jobs etl_*, load with the tag finance (1 job); it is the first one",
    );
    const none = await petit(["tokens", "create", "x", "--role", "admin", "--tags", "no", "--db", running.dbPath]);
    expect(none.stderr).toContain("limited to jobs with the tag no (no job is among them now)");
    const rotated = await petit(["tokens", "rotate", "etl", "--db", running.dbPath]);
    expect((await petit(["tokens", "--db", running.dbPath])).stdout).toMatch(
      /JOBS.*etl .*jobs etl_\*, load with the tag finance.*etl .*jobs etl_\*, load with the tag finance/s,
    );
    const file = folder.write("etl.token", rotated.stdout);
    await eventually("the token is accepted", async () => {
      const whoami = await petit(["whoami", "--url", running.url, "--token-file", file]);
      return whoami.stdout.endsWith("\nlimited to jobs etl_*, load with the tag finance\n") ? true : null;
    });
  });

  test("lists, rotates and revokes through the API with --url, and says the same as with --db", async () => {
    await using running = await startPetit();
    using folder = tempFolder();
    const created = await petit(["tokens", "create", "ada", "--role", "admin", "--url", running.url]);
    const admin = ["--url", running.url, "--token-file", folder.write("ada.token", created.stdout)];
    const made = await petit(["tokens", "create", "ci", "--role", "viewer", "--json", ...admin]);
    expect(JSON.parse(made.stdout)).toEqual({
      message: "created the token 'ci' with the role viewer",
      name: "ci",
      role: "viewer",
      jobs: null,
      tags: null,
      expires_at: null,
      token: expect.stringMatching(/^petit_/),
    });
    const rotated = await petit(["tokens", "rotate", "ci", "--grace", "1d", ...admin]);
    expect(rotated.stderr).toContain("the former one is valid for 1d");
    const revoked = await petit(["tokens", "revoke", "ci", ...admin]);
    expect(revoked).toMatchObject({ status: 0, stdout: "revoked the token 'ci'\n" });
    const [remote, local] = [
      await petit(["tokens", "--json", ...admin]),
      await petit(["tokens", "list", "--json", "--db", running.dbPath]),
    ];
    expect(JSON.parse(local.stdout)).toEqual(JSON.parse(remote.stdout));
    expect(JSON.parse(local.stdout).tokens.map(({ name, state }: Record<string, string>) => [name, state])).toEqual([
      ["ada", "live"],
      ["ci", "revoked"],
      ["ci", "revoked"],
    ]);
    expect((await petit(["tokens", "revoke", "ci", ...admin])).status).toBe(2);
  });

  test.each([
    [["nothing"], "unknown action 'nothing'"],
    [["create"], "NAME is missing"],
    [["create", "x"], "--role is missing; expected viewer, operator, admin"],
    [["create", "x", "--role", "root"], "--role is 'root'; expected viewer, operator, admin"],
    [["create", "a b", "--role", "viewer"], "NAME is 'a b'; expected 1 to 64 letters"],
    [["create", "x", "--role", "viewer", "--expires", "soon"], "--expires is 'soon'; expected a duration"],
    [["create", "x", "--role", "viewer", "--expires", "0s"], "--expires is '0s'"],
    [["create", "x", "--role", "viewer", "--jobs", "etl *"], "--jobs: 'etl *' does not fit; expected the id of a job"],
    [["create", "x", "--role", "viewer", "--tags", "a,b"], "--tags: 'a,b' does not fit; expected a tag"],
    [["list", "--jobs", "etl"], "'list' does not take --jobs"],
    [["create", "x", "--role", "viewer", "--grace", "1h"], "'create' does not take --grace"],
    [["rotate", "x", "--grace", "31d"], "--grace is '31d'; expected a duration"],
    [["list", "x"], "'x' is too much: list takes no argument"],
    [["revoke"], "NAME is missing"],
  ])("refuses %j, and creates no database", async (args, problem) => {
    using folder = tempFolder();
    const db = join(folder.path, "petit.db");
    const refused = await petit(["tokens", ...args, "--db", db]);
    expect(refused).toMatchObject({ status: 2, stdout: "", stderr: expect.stringContaining(problem) });
    expect(existsSync(db)).toBe(false);
  });
});
