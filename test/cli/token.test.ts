import { describe, expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import { petit, tempFolder } from "../support/cli.ts";
import { startPetit } from "../support/petit.ts";

describe("petit token", () => {
  test("prints a new token each time, alone on stdout, and says on stderr how to use it", async () => {
    const [first, second] = await Promise.all([petit(["token"]), petit(["token"])]);
    expect(first.status).toBe(0);
    expect(first.stdout).toMatch(/^[A-Za-z0-9_-]{43}\n$/);
    expect(second.stdout).not.toBe(first.stdout);
    expect(first.stderr).toContain("petit token > petit.token && chmod 600 petit.token");
    expect(first.stderr).not.toContain(first.stdout.trim());
  });

  test("gives JSON where that is asked for", async () => {
    const { stdout } = await petit(["token", "--json"]);
    expect(JSON.parse(stdout)).toEqual({ token: expect.stringMatching(/^[\w-]{43}$/) });
  });

  test("makes what 'petit run' takes, also for every address, and its clients send", async () => {
    using folder = tempFolder();
    const { stdout } = await petit(["token"]);
    const file = folder.write("petit.token", stdout);
    chmodSync(file, 0o600);
    await using running = await startPetit({ args: ["--api-host", "0.0.0.0", "--token-file", file] });
    const url = running.url.replace("0.0.0.0", "127.0.0.1");
    expect((await fetch(`${url}/api/jobs`)).status).toBe(401);
    expect((await petit(["runs", "--url", url, "--token-file", file])).status).toBe(0);
  });
});

describe("petit run on an address that others can reach", () => {
  test.each(["0.0.0.0", "::", "192.168.1.5"])(
    "refuses to start without a token, and says how to make one: %s",
    async (host) => {
      using folder = tempFolder();
      folder.write("jobs/a.yaml", "id: a\ntasks: [{id: t, type: command, command: 'true'}]\n");
      const { status, stdout, stderr } = await petit(["run", "jobs", "--api-host", host, "--api-port", "0"], {
        cwd: folder.path,
      });
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
      expect(stderr).toContain("petit token > petit.token && chmod 600 petit.token");
      expect(stderr).toContain("--token-file petit.token");
    },
  );
});
