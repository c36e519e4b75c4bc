import { expect, test } from "bun:test";
import { chmodSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempFolder } from "../../support/cli.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { eventually } from "../../support/torture/run.ts";

const BOTH = "ada: the-token-of-ada\nci: the-token-of-ci\n";
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

const started = async (folder: ReturnType<typeof tempFolder>) => {
  const file = folder.write("petit.token", BOTH);
  chmodSync(file, 0o600);
  const petit = await startPetit({ args: ["--token-file", file, "--no-watch"] });
  const status = async (token: string) => (await petit.fetch("/api/jobs", bearer(token))).status;
  return { file, petit, status };
};

test("a token that was removed is refused after a reload, with its session and its streams", async () => {
  using folder = tempFolder();
  const { file, petit, status } = await started(folder);
  await using _petit = petit;
  const login = await petit.fetch("/api/session", {
    method: "POST",
    headers: { "content-type": "application/json", origin: petit.url },
    body: JSON.stringify({ token: "the-token-of-ci" }),
  });
  const cookie = (login.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  const withCookie = { headers: { cookie, "sec-fetch-site": "same-origin" } };
  expect((await petit.fetch("/api/jobs", withCookie)).status).toBe(200);
  const streams = await Promise.all([
    petit.fetch("/api/events", bearer("the-token-of-ci")),
    petit.fetch("/api/events", withCookie),
  ]);
  const kept = await petit.fetch("/api/events", bearer("the-token-of-ada"));
  writeFileSync(file, "ada: the-token-of-ada\n");
  expect((await petit.fetch("/api/jobs/reload", { method: "POST", ...bearer("the-token-of-ada") })).status).toBe(200);
  expect(await status("the-token-of-ci")).toBe(401);
  expect((await petit.fetch("/api/jobs", withCookie)).status).toBe(401);
  expect(await status("the-token-of-ada")).toBe(200);
  for (const stream of streams) await stream.text();
  await kept.body?.cancel();
});

test("SIGHUP reads the token file again", async () => {
  using folder = tempFolder();
  const { file, petit, status } = await started(folder);
  await using _petit = petit;
  writeFileSync(file, "ci: the-token-of-ci\n");
  process.kill(petit.pid, "SIGHUP");
  await eventually("the token is refused", async () => ((await status("the-token-of-ada")) === 401 ? true : null));
});

test("a token file that was replaced is read without a reload, and one that is broken leaves the last tokens in use", async () => {
  using folder = tempFolder();
  const { file, petit, status } = await started(folder);
  await using _petit = petit;
  renameSync(folder.write("new.token", "ben: the-token-of-ben\n"), file);
  await eventually("the new token works", async () => ((await status("the-token-of-ben")) === 200 ? true : null));
  expect(await status("the-token-of-ada")).toBe(401);
  for (const broken of ["", "two words here\n"]) {
    writeFileSync(join(folder.path, "petit.token"), broken);
    expect((await petit.fetch("/api/jobs/reload", { method: "POST", ...bearer("the-token-of-ben") })).status).toBe(200);
    expect(await status("the-token-of-ben")).toBe(200);
    expect((await petit.fetch("/api/jobs")).status).toBe(401);
  }
  expect(petit.stderr()).toContain("the tokens of the API can't be read again; the last ones stay in use");
});
