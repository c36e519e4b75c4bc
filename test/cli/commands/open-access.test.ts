import { describe, expect, test } from "bun:test";
import { petit } from "../../support/cli.ts";
import { ask } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { eventually } from "../../support/torture/run.ts";

const ADA = { TEST_ACCOUNTS: "ada:x:1000:1000::/home/ada:/bin/sh\nweb:x:1001:1001::/srv:/usr/sbin/nologin\n" };
const OPEN = "petit runs as root and requires no token: 1 other user of this machine can run programs as root";

const openItems = async (running: Parameters<typeof ask>[0]) =>
  (await ask(running, "/api/attention")).body.items.filter(({ kind }: { kind: string }) => kind === "open_to_users");

describe.if(process.getuid?.() === 0)("a petit of root without a token", () => {
  test("warns in its log, in attention and in doctor where other users can log in", async () => {
    await using running = await startPetit({ env: ADA });
    const [item] = await eventually("attention", async () => {
      const items = await openItems(running);
      return items.length === 0 ? null : items;
    });
    expect(item).toMatchObject({ severity: "warning", accounts: 1, message: expect.stringContaining(OPEN) });
    expect(running.stderr()).toContain(OPEN);
    const { stdout } = await petit(["doctor", "--json", "--db", running.dbPath], { environment: ADA });
    expect(JSON.parse(stdout).checks).toContainEqual(
      expect.objectContaining({ name: "api_access", status: "warning", message: OPEN }),
    );
  });

  test("says nothing with a token, or where nobody else can log in", async () => {
    await using protectedPetit = await startPetit({ env: { ...ADA, PETIT_API_TOKEN: "a-long-enough-token" } });
    await using alone = await startPetit();
    for (const { stderr } of [protectedPetit, alone]) expect(stderr()).not.toContain("requires no token");
    expect(await openItems(alone)).toEqual([]);
  });
});

test("petit doctor judges the address of the running petit", async () => {
  const env = { PETIT_API_TOKEN: "a-long-enough-token" };
  await using running = await startPetit({ env, args: ["--api-host", "0.0.0.0"] });
  const { stdout } = await petit(["doctor", "--json", "--db", running.dbPath], {
    environment: { ...env, PETIT_API_PORT: new URL(running.url).port },
  });
  expect(JSON.parse(stdout).checks).toContainEqual(
    expect.objectContaining({
      name: "api_access",
      message: "other machines can reach the API at 0.0.0.0, with the token",
    }),
  );
});
