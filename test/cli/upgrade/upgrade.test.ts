import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createServer } from "node:http";
import manifest from "../../../package.json" with { type: "json" };
import { compareVersions } from "../../../src/cli/upgrade/version-order.ts";
import { petit } from "../../support/cli.ts";

const { version } = manifest;

describe("the order of versions", () => {
  test("is that of Semantic Versioning", () => {
    // The example of the specification, and numbers with more digits.
    const ordered = [
      "0.9.10",
      "1.0.0-alpha",
      "1.0.0-alpha.1",
      "1.0.0-alpha.beta",
      "1.0.0-beta",
      "1.0.0-beta.2",
      "1.0.0-beta.11",
      "1.0.0-rc.1",
      "1.0.0",
      "1.0.10",
      "1.2.0",
      "10.0.0",
    ];
    for (const [left, a] of ordered.entries())
      for (const [right, b] of ordered.entries())
        expect([a, b, Math.sign(compareVersions(a, b))]).toEqual([a, b, Math.sign(left - right)]);
    expect(compareVersions("1.0.0+build.1", "1.0.0+build.2")).toBe(0);
  });
});

/** What is answered: a manifest, a text, or a redirect. */
type Answer = { readonly status?: number; readonly body?: string; readonly location?: string };

const manifestOf = (latest: string): Answer => ({
  body: JSON.stringify({ name: "petit", version: latest, commit: "abc", date: "2026-05-04T03:02:01Z", files: [] }),
});

describe("petit upgrade --check", () => {
  let answers: Readonly<Record<string, Answer>> = {};
  let asked: string[] = [];
  const server = createServer(({ url = "" }, response) => {
    asked.push(url);
    const { status = 200, body = "", location } = answers[url] ?? { status: 404 };
    response.writeHead(location === undefined ? status : 302, location === undefined ? {} : { location }).end(body);
  });
  let base: string;
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    base = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  });
  afterAll(() => void server.close());

  const check = async (given: typeof answers, ...args: readonly string[]) => {
    answers = given;
    asked = [];
    return await petit(["upgrade", "--check", ...args], { environment: { PETIT_BASE_URL: `${base}/releases/` } });
  };
  const MANIFEST = "/releases/latest/download/manifest.json";

  test("names a newer release", async () => {
    const { status, stdout, stderr } = await check({ [MANIFEST]: manifestOf("99.0.0") });
    expect([status, stderr, asked]).toEqual([0, "", [MANIFEST]]);
    expect(stdout).toStartWith(`a newer release is there: 99.0.0 of 2026-05-04; this is ${version}. `);
  });

  test("says that there is none, also after a redirect", async () => {
    const { stdout } = await check({ [MANIFEST]: { location: "/files/m.json" }, "/files/m.json": manifestOf(version) });
    expect(stdout).toBe(`this is the newest release: ${version} of 2026-05-04\n`);
    expect((await check({ [MANIFEST]: manifestOf("0.0.1") })).stdout).toContain(
      "is newer than the newest release, 0.0.1",
    );
  });

  test("prints JSON", async () => {
    const { stdout } = await check({ [MANIFEST]: manifestOf("99.0.0") }, "--json");
    expect(JSON.parse(stdout)).toEqual({
      version,
      latest: "99.0.0",
      latest_date: "2026-05-04",
      newer: true,
      releases: `${base}/releases/`,
    });
  });

  test.each([
    ["a status", { status: 503 }, "it answers with status 503"],
    ["a page", { body: "<html>" }, "it is not the manifest of a release of petit"],
    ["another program", { body: '{"name":"other","version":"9.9.9"}' }, "it is not the manifest of a release of petit"],
    [
      "no version",
      { body: '{"name":"petit","version":"\\u001b[2Jx"}' },
      "it is not the manifest of a release of petit",
    ],
    ["a loop", { location: MANIFEST }, "it redirects more than 5 times"],
    ["too much", { body: "x".repeat(1_100_000) }, "it has more than 1048576 bytes"],
  ])("fails for %s", async (_, answer: Answer, says) => {
    const { status, stdout, stderr } = await check({ [MANIFEST]: answer });
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toContain(`the newest release is unknown: ${base}${MANIFEST} can't be read: ${says}`);
  });

  test("fails without a network, and names the address", async () => {
    const { status, stderr } = await petit(["upgrade", "--check"], {
      environment: { PETIT_BASE_URL: "http://127.0.0.1:1" },
    });
    expect(status).toBe(1);
    expect(stderr).toContain("http://127.0.0.1:1/latest/download/manifest.json can't be read: ");
  });

  test.each([
    [["upgrade"], {}, "petit does not replace itself"],
    [["upgrade", "--check"], {}, "the address of the releases is unknown; set PETIT_BASE_URL"],
    [["upgrade", "--check"], { PETIT_BASE_URL: "ftp://x" }, "PETIT_BASE_URL is no http or https address"],
  ])("%j exits with 2", async (args: readonly string[], environment: Readonly<Record<string, string>>, says) => {
    const { status, stdout, stderr } = await petit(args, { environment });
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr.replaceAll(/\s+/g, " ")).toContain(says);
  });

  test("is not asked by any other command", async () => {
    asked = [];
    await petit(["--version", "--json"], { environment: { PETIT_BASE_URL: `${base}/releases` } });
    await petit(["doctor"], { environment: { PETIT_BASE_URL: `${base}/releases`, PETIT_DB: ":memory:" } });
    expect(asked).toEqual([]);
  });
});
