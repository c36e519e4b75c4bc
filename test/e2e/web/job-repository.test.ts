import { describe, expect, test } from "bun:test";
import { renameSync } from "node:fs";
import { type PetitOfRepository, startWithRepository } from "../../support/git/petit.ts";
import { ask, post, runToEnd } from "../../support/petit/api.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { sharedWeb } from "../../support/web/shared.ts";
import { becomes, openWeb } from "../../support/web/web.ts";

const job = (id: string): string => `id: ${id}\ntasks: [{id: only, type: command, command: "true"}]\n`;

const FAILS = `id: fails\ntasks: [{id: only, type: command, command: "false"}]\n`;

describe.skipIf(CHROMIUM === null)("the repository with the job files, on the page", () => {
  let started: PetitOfRepository | null = null;
  const running = sharedWeb(async () => {
    started = await startWithRepository({ "jobs/hello.yaml": job("hello") });
    return started;
  });
  const opened = async () => {
    const { petit, web } = running();
    if (started === null) throw new Error("not started");
    const { origin } = started;
    await web.open("/system");
    await web.page.locator("[data-connection=connected]").waitFor();
    const card = web.page.locator("#job-files");
    const fact = (name: string) => async (): Promise<string | null> =>
      await card.locator(`dt:text-is("${name}") + dd`).textContent();
    return { petit, web, page: web.page, origin, card, fact };
  };

  test("is named, with the commit in use, and no button reloads a folder", async () => {
    const { origin, page, card, fact, web } = await opened();
    const id = origin.git("rev-parse", "HEAD");
    expect(await fact("Repository")()).toBe(origin.url);
    expect(await fact("In use")()).toMatch(new RegExp(`^${id.slice(0, 8)} a change by Ada, `));
    await becomes(fact("Newest"), "the one in use");
    expect(
      await card
        .getByRole("code")
        .filter({ hasText: id.slice(0, 8) })
        .first()
        .getAttribute("title"),
    ).toBe(id);
    expect(await page.getByRole("button", { name: "Reload job files" }).count()).toBe(0);
    expect(await web.axe()).toEqual([]);
  }, 60_000);

  test("takes a commit that was pushed, with the keyboard, and shows one that somebody else fetched", async () => {
    const { origin, petit, page, card, fact } = await opened();
    const second = origin.push({ "jobs/more.yaml": job("more") }, { author: "Grace" });
    await card.getByRole("button", { name: "Fetch now" }).focus();
    await page.keyboard.press("Enter");
    await becomes(
      async () => (await fact("In use")())?.slice(0, 26),
      `${second.slice(0, 8)} a change by Grace`.slice(0, 26),
    );
    await page
      .getByRole("region", { name: "Notices" })
      .getByText(`Commit ${second.slice(0, 8)} is in use`)
      .waitFor();
    const third = origin.push({ "jobs/more.yaml": null });
    await post(petit, "/api/jobs/sync");
    await becomes(async () => (await fact("In use")())?.slice(0, 8), third.slice(0, 8));
  }, 60_000);

  test("shows at once what is wrong with a commit, who made it, and that it was mended", async () => {
    const { origin, petit, page, card, fact, web } = await opened();
    const good = origin.git("rev-parse", "HEAD");
    const bad = origin.push({ "jobs/hello.yaml": `${job("hello")}retires: 3\n` }, { author: "Grace" });
    await post(petit, "/api/jobs/sync");
    await card
      .getByRole("heading", { name: `Commit ${bad.slice(0, 8)} by Grace is refused: 1 problem`, exact: true })
      .waitFor();
    expect(await card.getByRole("list", { name: "Problems of the commit" }).textContent()).toMatch(
      /^hello\.yaml:3:1 retires: unknown field/,
    );
    expect(await card.textContent()).toContain(`Until then ${good.slice(0, 8)} stays in use.`);
    expect(await fact("In use")()).toContain(good.slice(0, 8));
    await page.locator("[data-health=degraded]").waitFor();
    for (const colorScheme of ["dark", "light"] as const) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width: 390, height: 844 });
      expect(await web.axe()).toEqual([]);
      expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBeLessThanOrEqual(0);
      await page.setViewportSize({ width: 1280, height: 800 });
      expect(await web.axe()).toEqual([]);
    }
    const mended = origin.push({ "jobs/hello.yaml": job("hello") });
    await post(petit, "/api/jobs/sync");
    await page.locator("[data-health=ok]").waitFor();
    await becomes(() => card.getByRole("heading", { name: /is refused/ }).count(), 0);
    expect(await fact("In use")()).toContain(mended.slice(0, 8));
  }, 60_000);

  test("uses a commit that somebody chooses, says why it can't, and follows the newest one again", async () => {
    const { origin, petit, page, card, fact, web } = await opened();
    const first = origin.git("rev-list", "--max-parents=0", "HEAD");
    const newest = origin.git("rev-parse", "HEAD");
    await card.getByRole("button", { name: "Use another commit…" }).click();
    const dialog = page.getByRole("dialog", { name: "Use another commit" });
    const field = dialog.getByLabel("Commit");
    await field.fill("main");
    await dialog.getByRole("button", { name: "Use this commit" }).click();
    await dialog.getByRole("alert").getByText("'main' is not the id of a commit").waitFor();
    await becomes(() => field.evaluate((element) => element === document.activeElement), true);
    expect(await web.axe()).toEqual([]);
    await field.fill(first.slice(0, 10));
    await page.keyboard.press("Enter");
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "detached" });
    await becomes(async () => (await fact("In use")())?.slice(0, 8), first.slice(0, 8));
    await becomes(async () => (await fact("Chosen")())?.slice(0, 8), first.slice(0, 8));
    expect((await ask(petit, "/api/job-repository")).body).toMatchObject({ pinned: first, head: { id: newest } });
    expect(await fact("Newest")()).toContain(newest.slice(0, 8));
    await card.getByRole("button", { name: "Follow the newest" }).click();
    await becomes(fact("Newest"), "the one in use");
    await becomes(() => card.getByRole("button", { name: "Follow the newest" }).count(), 0);
    expect(await fact("In use")()).toContain(newest.slice(0, 8));
  }, 60_000);

  test("shows what a branch and the newest commit would change, before somebody uses it", async () => {
    const { origin, petit, page, card, fact, web } = await opened();
    const timed = (cron: string): string => `${job("timed")}schedule: {cron: "${cron}", timezone: UTC}\n`;
    const base = origin.push({ "jobs/timed.yaml": timed("0 7 1 1 *"), "jobs/leaves.yaml": job("leaves") });
    await post(petit, "/api/jobs/sync");
    const later = origin.push(
      {
        "jobs/timed.yaml": `${timed("30 6 1 1 *")}environment: {A: "${"long ".repeat(40)}"}\n`,
        "jobs/leaves.yaml": null,
        "jobs/comes.yaml": job("comes"),
      },
      { branch: "later", author: "Grace" },
    );
    const opener = card.getByRole("button", { name: "Compare a commit…" });
    await opener.focus();
    await page.keyboard.press("Enter");
    const part = card.getByRole("region", { name: "What a commit would change" });
    const status = part.getByRole("status");
    await status.getByText("No change: it is in use.").waitFor();
    expect(await part.getByRole("button", { name: "Use this commit…" }).count()).toBe(0);
    await page.keyboard.press("Tab");
    await page.keyboard.type("later");
    await page.keyboard.press("Enter");
    await status.getByText(`1 job added, 1 job removed, 1 job changed, compared with ${base.slice(0, 8)}`).waitFor();
    const row = (id: string) => part.locator(`[data-job=${id}]`);
    expect(await row("comes").textContent()).toBe("comes comes.yamlNext: never");
    expect(await row("leaves").getByRole("link").getAttribute("href")).toBe("/jobs/leaves");
    expect(await row("timed").locator("[data-move=shifted]").textContent()).toBe("Runs 30 min earlier");
    expect(await row("timed").locator("[data-change='schedule.cron']").textContent()).toBe(
      "schedule.cronbefore: 0 7 1 1 * → after: 30 6 1 1 *",
    );
    expect(await row("timed").textContent()).toMatch(/Next before: .+Next after: .+/);
    for (const colorScheme of ["dark", "light"] as const) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width: 390, height: 844 });
      expect(await web.axe()).toEqual([]);
      expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBeLessThanOrEqual(0);
      await page.setViewportSize({ width: 1280, height: 800 });
      expect(await web.axe()).toEqual([]);
    }
    // What is wrong with a name is beside the field.
    const field = part.getByLabel("Commit, branch or tag");
    await field.fill("gone");
    await part.getByRole("button", { name: "Compare", exact: true }).click();
    await part.getByRole("alert").getByText("The repository has no commit, branch or tag 'gone'.").waitFor();
    expect(await web.axe()).toEqual([]);
    // The dialog shows what it would use, and the comparison leads back to it.
    await card.getByRole("button", { name: "Use another commit…" }).click();
    const dialog = page.getByRole("dialog", { name: "Use another commit" });
    await dialog.getByLabel("Commit").fill(later.slice(0, 10));
    await dialog.getByRole("button", { name: "Show what it changes" }).click();
    await dialog.waitFor({ state: "detached" });
    expect(await field.inputValue()).toBe(later.slice(0, 10));
    await part.getByRole("button", { name: "Use this commit…" }).click();
    expect(await dialog.getByLabel("Commit").inputValue()).toBe(later);
    await dialog.getByRole("button", { name: "Use this commit" }).click();
    await becomes(async () => (await fact("In use")())?.slice(0, 8), later.slice(0, 8));
    await status.getByText("No change: it is in use.").waitFor();
    // The newest one that is not used is what is compared without a name.
    await field.fill("");
    await part.getByRole("button", { name: "Compare", exact: true }).click();
    await status.getByText(`1 job added, 1 job removed, 1 job changed, compared with ${later.slice(0, 8)}`).waitFor();
    await opener.click();
    await part.waitFor({ state: "detached" });
    // A commit that is refused has its problems there.
    const bad = origin.push({ "jobs/hello.yaml": "id: hello\n" });
    await post(petit, "/api/jobs/follow");
    await opener.click();
    await status.getByText("1 problem, not taken").waitFor();
    expect(await part.getByRole("list", { name: "Problems of the commit" }).textContent()).toContain("hello.yaml:1:1");
    expect(await part.textContent()).toContain(bad.slice(0, 8));
    origin.push({ "jobs/hello.yaml": job("hello") });
    await post(petit, "/api/jobs/sync");
    await status.getByText("No change: it is in use.").waitFor();
  }, 60_000);

  test("needs attention on Now while a commit is refused: who made it, what is wrong, and where to look", async () => {
    const { origin, petit, page, web } = await opened();
    const good = origin.git("rev-parse", "HEAD");
    await web.open("/");
    await page.locator("[data-connection=connected]").waitFor();
    const bad = origin.push({ "jobs/hello.yaml": "id: hello\n" }, { author: "Grace" });
    await post(petit, "/api/jobs/sync");
    const row = page.locator("[data-kind=jobs_commit_refused]");
    await row.waitFor();
    expect(await row.textContent()).toMatch(
      new RegExp(`Job files commit ${bad.slice(0, 8)} by Grace is refused since .* hello\\.yaml:1:1: tasks: `),
    );
    expect(await row.textContent()).toContain(`${good.slice(0, 8)} stays in use until a commit mends it hello.yaml`);
    expect(await web.axe()).toEqual([]);
    await row.getByRole("link", { name: "Job files" }).click();
    await page
      .locator("#job-files")
      .getByRole("heading", { name: /is refused: 1 problem$/ })
      .waitFor();
    await web.open("/");
    origin.push({ "jobs/hello.yaml": job("hello") });
    await page.locator("[data-connection=connected]").waitFor();
    await post(petit, "/api/jobs/sync");
    await row.waitFor({ state: "detached" });
  }, 60_000);

  test("is named by a run, whose retry uses its commit, or the one in use", async () => {
    const { origin, petit, page, web } = await opened();
    const before = origin.push({ "jobs/fails.yaml": FAILS });
    await post(petit, "/api/jobs/sync");
    const { id } = await runToEnd(petit, "fails");
    await web.open(`/runs/${id}`);
    const commit = page.locator("dt:text-is('Commit') + dd");
    await becomes(() => commit.textContent(), before.slice(0, 8));
    expect(await commit.getByRole("code").getAttribute("title")).toBe(before);
    await page.getByRole("button", { name: "Retry", exact: true }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText(`With commit ${before.slice(0, 8)}, which the run used.`).waitFor();
    await page.keyboard.press("Escape");
    const now = origin.push({ "note.txt": "later" });
    await post(petit, "/api/jobs/sync");
    await becomes(() => commit.textContent(), `${before.slice(0, 8)}, not the one in use, which is ${now.slice(0, 8)}`);
    for (const [choice, expected] of [
      [`With commit ${before.slice(0, 8)}, which the run used`, before],
      [`With the present commit, ${now.slice(0, 8)}`, now],
    ] as const) {
      await web.open(`/runs/${id}`);
      await page.setViewportSize({ width: 390, height: 844 });
      await page.getByRole("button", { name: "Retry", exact: true }).click();
      expect(await dialog.getByRole("radio", { name: `With commit ${before.slice(0, 8)}` }).isChecked()).toBe(true);
      expect(await web.axe()).toEqual([]);
      await dialog.getByRole("radio", { name: choice }).focus();
      await page.keyboard.press("Space");
      await dialog.getByRole("button", { name: "Retry" }).click();
      await page.waitForURL((url) => url.pathname !== `/runs/${id}`);
      const retry = new URL(page.url()).pathname.slice("/runs/".length);
      expect((await ask(petit, `/api/runs/${retry}`)).body).toMatchObject({ retry_of: id, commit: expected });
    }
    await page.setViewportSize({ width: 1280, height: 800 });
  }, 60_000);

  test("is said by the retry of several runs: each uses its own commit, or all the one in use", async () => {
    const { origin, petit, page, web } = await opened();
    const runs: { readonly id: string; readonly commit: string }[] = [];
    for (const note of ["one", "two"]) {
      const commit = origin.push({ "jobs/fails.yaml": FAILS, "note.txt": note });
      await post(petit, "/api/jobs/sync");
      runs.push({ id: (await runToEnd(petit, "fails")).id, commit });
    }
    const now = runs[1]?.commit ?? "";
    const retriesOf = async (): Promise<readonly string[]> => {
      const found: string[] = [];
      for (const { id } of runs) {
        const [newest] = (await ask(petit, `/api/runs/${id}`)).body.retried_by.slice(-1);
        found.push((await ask(petit, `/api/runs/${newest}`)).body.commit);
      }
      return found;
    };
    const dialog = page.getByRole("dialog");
    for (const isLatest of [false, true]) {
      await web.open("/runs?job=fails&status=failed");
      for (const { id } of runs)
        await page.getByRole("checkbox", { name: new RegExp(`Select run ${id.slice(-8)}`) }).check();
      await page.getByRole("button", { name: "Retry 2" }).click();
      expect(await dialog.getByRole("radio", { name: "Each with the commit that its run used" }).isChecked()).toBe(
        true,
      );
      const latest = dialog.getByRole("radio", { name: `With the present commit, ${now.slice(0, 8)}` });
      if (isLatest) await latest.check();
      expect(await web.axe()).toEqual([]);
      await dialog.getByRole("button", { name: "Retry 2 runs" }).click();
      await dialog
        .getByRole("link", { name: /^retried by/ })
        .nth(1)
        .waitFor();
      expect(await retriesOf()).toEqual(isLatest ? [now, now] : runs.map(({ commit }) => commit));
    }
  }, 60_000);

  test("says that the server can't be reached, and since when", async () => {
    const { origin, petit, card, page, web } = await opened();
    renameSync(origin.path, `${origin.path}.away`);
    await post(petit, "/api/jobs/sync");
    await card.getByRole("heading", { name: /^The repository can’t be read since / }).waitFor();
    await page.locator("[data-health=degraded]").waitFor();
    expect(await card.textContent()).toContain("The commit in use stays; petit tries again.");
    const { items } = (await ask(petit, "/api/attention")).body;
    expect(items).toContainEqual(
      expect.objectContaining({
        id: "jobs_repository_failed:petit",
        severity: "error",
        in_use: origin.git("rev-parse", "HEAD"),
        message: expect.stringContaining("stays in use, and petit tries again"),
      }),
    );
    expect(await web.axe()).toEqual([]);
    renameSync(`${origin.path}.away`, origin.path);
    await post(petit, "/api/jobs/sync");
    await page.locator("[data-health=ok]").waitFor();
    await becomes(() => card.getByRole("heading", { name: /can’t be read/ }).count(), 0);
    const expected = /^400 |^404 \/api\/job-repository\/diff$/;
    expect(web.complaints().filter((each) => !expected.test(each))).toEqual([]);
  }, 60_000);
});

test.skipIf(CHROMIUM === null)(
  "the page of a repository without jobs says where to put one",
  async () => {
    await using petit = await startWithRepository({ "jobs/README": "none" });
    await using web = await openWeb(petit);
    await web.open("/");
    const note = web.page.locator(".note").filter({ hasText: "No jobs yet" });
    await note.waitFor();
    expect(await note.textContent()).not.toContain("petit init");
    await note.getByRole("link", { name: "a repository" }).click();
    await web.page.locator("#job-files").waitFor();
  },
  60_000,
);
