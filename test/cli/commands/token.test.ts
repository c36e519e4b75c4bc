import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { chmodSync, readdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { cleanEnvironment, PETIT, petit, tempFolder } from "../../support/cli.ts";
import { startPetit } from "../../support/petit/petit.ts";

describe("petit token", () => {
  test("prints a new token on stdout, and how to use it on stderr", async () => {
    const [first, second] = await Promise.all([petit(["token"]), petit(["token"])]);
    expect(first.status).toBe(0);
    expect(first.stdout).toMatch(/^[A-Za-z0-9_-]{43}\n$/);
    expect(second.stdout).not.toBe(first.stdout);
    expect(first.stderr).toContain("petit token petit.token");
    expect(first.stderr).not.toContain(first.stdout.trim());
  });

  test("prints the token as JSON with --json", async () => {
    const { stdout } = await petit(["token", "--json"]);
    expect(JSON.parse(stdout)).toEqual({ token: expect.stringMatching(/^[\w-]{43}$/) });
  });

  test("writes the token to a file that only its owner can read, and does not print it", async () => {
    using folder = tempFolder();
    const file = join(folder.path, "petit.token");
    const [program = "", ...before] = PETIT;
    // A umask that restricts nothing.
    const script = 'umask 0; exec "$@"';
    const { stdout, stderr, status } = spawnSync("/bin/sh", ["-c", script, "sh", program, ...before, "token", file], {
      env: cleanEnvironment(folder.path),
      encoding: "utf8",
    });
    expect({ status, stdout }).toEqual({ status: 0, stdout: `wrote ${file}\n` });
    const token = readFileSync(file, "utf8");
    expect(token).toMatch(/^[A-Za-z0-9_-]{43}\n$/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(stdout + stderr).not.toContain(token.trim());
    expect(stderr).toContain(`--token-file ${file}`);
  });

  test("prints the name of the file as JSON with --json", async () => {
    using folder = tempFolder();
    const { stdout } = await petit(["token", "petit.token", "--json"], { cwd: folder.path });
    expect(JSON.parse(stdout)).toEqual({ file: "petit.token" });
  });

  test("changes neither an existing file nor the target of a symbolic link", async () => {
    using folder = tempFolder();
    const kept = folder.write("kept", "old\n");
    symlinkSync(kept, join(folder.path, "link"));
    symlinkSync(join(folder.path, "nowhere"), join(folder.path, "dangling"));
    for (const name of ["kept", "link", "dangling"]) {
      const { status, stdout, stderr } = await petit(["token", name], { cwd: folder.path });
      expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
      expect(stderr).toContain(`${name} already exists and was not changed`);
    }
    expect(readFileSync(kept, "utf8")).toBe("old\n");
    expect(readdirSync(folder.path).sort()).toEqual(["dangling", "kept", "link"]);
  });

  test("reports why a file can't be written", async () => {
    const { status, stderr } = await petit(["token", "nowhere/petit.token"]);
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining("can't be written: ENOENT") });
  });

  test("creates a token that 'petit run' and the clients accept", async () => {
    using folder = tempFolder();
    const file = join(folder.path, "petit.token");
    expect((await petit(["token", file])).status).toBe(0);
    await using running = await startPetit({ args: ["--api-host", "0.0.0.0", "--token-file", file] });
    const url = running.url.replace("0.0.0.0", "127.0.0.1");
    expect((await fetch(`${url}/api/jobs`)).status).toBe(401);
    expect((await petit(["runs", "--url", url, "--token-file", file])).status).toBe(0);
  });
});

describe("petit token --name", () => {
  test("adds a line to a file that petit and the clients accept, and prints the token alone", async () => {
    using folder = tempFolder();
    const file = join(folder.path, "petit.token");
    const ada = await petit(["token", file, "--name", "ada"]);
    expect(ada.status).toBe(0);
    expect(ada.stdout).toMatch(/^[\w-]{43}\n$/);
    const ci = await petit(["token", file, "--name", "ci", "--json"]);
    expect(JSON.parse(ci.stdout)).toEqual({ name: "ci", token: expect.stringMatching(/^[\w-]{43}$/), file });
    expect(readFileSync(file, "utf8")).toBe(`ada: ${ada.stdout}ci: ${JSON.parse(ci.stdout).token}\n`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const job = "id: hello\ntasks: [{id: only, type: command, command: 'true'}]\n";
    await using running = await startPetit({ jobs: { "a.yaml": job }, args: ["--token-file", file] });
    const own = folder.write("own", ada.stdout);
    const trigger = async (token: string) =>
      JSON.parse(
        (await petit(["trigger", "hello", "--json", "--wait", "--url", running.url, "--token-file", token])).stdout,
      );
    // A client uses the first token of a file.
    for (const token of [own, file]) expect(await trigger(token)).toMatchObject({ triggered_by: "ada" });
    const asCi = { environment: { PETIT_API_TOKEN: JSON.parse(ci.stdout).token, PETIT_URL: running.url } };
    expect((await petit(["pause", "hello"], asCi)).status).toBe(0);
    expect((await petit(["why", "hello"], asCi)).stdout).toMatch(/the job is paused since .* \(by ci\)/);
    expect((await petit(["status", "latest"], asCi)).stdout).toMatch(/^asked by {2}ada$/m);
  });

  test("prints a line for a token file if no file is given", async () => {
    expect((await petit(["token", "--name", "ada"])).stdout).toMatch(/^ada: [\w-]{43}\n$/);
  });

  test("keeps what a file has, also without a line break at its end", async () => {
    using folder = tempFolder();
    const file = folder.write("petit.token", "an-old-token");
    chmodSync(file, 0o600);
    const { stdout } = await petit(["token", file, "--name", "ada"]);
    expect(readFileSync(file, "utf8")).toBe(`an-old-token\nada: ${stdout}`);
  });

  test("refuses a name twice, a wrong name, a link, and a file that others can read", async () => {
    using folder = tempFolder();
    const file = join(folder.path, "petit.token");
    await petit(["token", file, "--name", "ada"]);
    const before = readFileSync(file, "utf8");
    const refused = async (...args: string[]) => {
      const { status, stdout, stderr } = await petit(["token", ...args]);
      expect(stdout).toBe("");
      return `${status} ${stderr}`;
    };
    expect(await refused(file, "--name", "ada")).toContain("has a token of 'ada' already");
    expect(await refused(file, "--name", "a b")).toMatch(/^2 .*--name is 'a b'/);
    symlinkSync(file, join(folder.path, "link"));
    expect(await refused(join(folder.path, "link"), "--name", "ci")).toContain("can't be written");
    chmodSync(file, 0o640);
    expect(await refused(file, "--name", "ci")).toContain("others can read");
    expect(readFileSync(file, "utf8")).toBe(before);
  });
});

describe("petit run on an address that others can reach", () => {
  test.each(["0.0.0.0", "::", "192.168.1.5"])(
    "refuses to start without a token, and says how to create one: %s",
    async (host) => {
      using folder = tempFolder();
      folder.write("jobs/a.yaml", "id: a\ntasks: [{id: t, type: command, command: 'true'}]\n");
      const { status, stdout, stderr } = await petit(["run", "jobs", "--api-host", host, "--api-port", "0"], {
        cwd: folder.path,
      });
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
      expect(stderr).toContain("petit token petit.token");
      expect(stderr).toContain("--token-file petit.token");
    },
  );
});

describe("petit token --print", () => {
  test("prints the token that commands send, or that of a name", async () => {
    using folder = tempFolder();
    const file = folder.write("petit.token", "ada: the-token-of-ada\nci: the-token-of-ci\n");
    const print = (...args: readonly string[]) => petit(["token", "--print", ...args, "--token-file", file]);
    expect(await print()).toEqual({ status: 0, stdout: "the-token-of-ada\n", stderr: "" });
    expect((await print("ci")).stdout).toBe("the-token-of-ci\n");
    expect(JSON.parse((await print("ci", "--json")).stdout)).toEqual({ name: "ci", token: "the-token-of-ci" });
    const { status, stdout, stderr } = await print("ben");
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toContain("there is no token of 'ben'; expected one of ada, ci");
  });

  test("fails if no token is set, and creates none", async () => {
    const { status, stdout, stderr } = await petit(["token", "--print"]);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toContain("no token is set");
  });

  test("makes the line that 'petit token' shows work with the tokens of several people", async () => {
    using folder = tempFolder();
    await petit(["token", "petit.token", "--name", "ada"], { cwd: folder.path });
    await petit(["token", "petit.token", "--name", "ci"], { cwd: folder.path });
    const file = join(folder.path, "petit.token");
    const { stderr } = await petit(["token", "other.token"], { cwd: folder.path });
    expect(stderr).toContain('"Authorization: Bearer $(petit token --print --token-file other.token)"');
    await using running = await startPetit({ args: ["--token-file", file] });
    const token = (await petit(["token", "--print", "--token-file", file])).stdout.trim();
    expect((await running.fetch("/api/jobs", { headers: { authorization: `Bearer ${token}` } })).status).toBe(200);
  });
});
