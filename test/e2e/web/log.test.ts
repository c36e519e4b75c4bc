import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { ask, runToEnd } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM } from "../../support/web/browser.ts";
import { sharedWeb } from "../../support/web/shared.ts";
import { holds, openWeb } from "../../support/web/web.ts";

const LINES = 20_000;
const TOKEN = "correct-horse-battery-staple-0123456789";

const JOBS = {
  "long.yaml": `
id: long
tasks:
  - id: print
    type: shell
    script: |
      awk 'BEGIN { for (i = 1; i <= ${LINES}; i++) print i (i == 17777 ? " a Needle in the hay" : i % 9000 == 0 ? " milestone" : " hay") }'
`,
  "streams.yaml": `
id: streams
tasks:
  - {id: first, type: shell, script: 'echo "first out"; echo "first err" >&2; [ "$PETIT_ATTEMPT" = 2 ]', retry: {max_attempts: 1}}
  - {id: second, type: shell, script: 'echo "second out"; echo "second err" >&2', depends_on: [first]}
`,
  "colours.yaml": `
id: colours
tasks:
  - id: only
    type: shell
    script: |
      printf '\\033[31mred\\033[0m plain \\033[1;38;2;10;200;30mown\\033[0m \\033[38;5;208mpalette\\033[0m\\n'
      printf 'a\\001b\\007c \\342\\200\\256 reversed \\033]0;title\\007\\033[2Jcleared\\n'
      printf '10%%\\r50%%\\r100%%\\n'
      printf '<img src=x onerror=window.pwned=1><script>window.pwned=1</script>\\n'
      head -c 50000 /dev/zero | tr '\\0' x
      printf '\\n\\377\\376 no text\\n'
`,
  "spanning.yaml": `
id: spanning
tasks: [{id: only, type: shell, script: "printf '\\\\033[31mbegins\\\\ngoes on\\\\nends\\\\033[0m\\\\nplain\\\\n'"}]
`,
  "paced.yaml": `
id: paced
params: {gate: {required: true}, lines: {default: "200"}}
tasks:
  - id: count
    type: shell
    script: |
      i=0
      while [ $i -lt "$PETIT_PARAM_LINES" ]; do i=$((i + 1)); echo "line $i"; [ -e "$PETIT_PARAM_GATE.rush" ] || sleep 0.02; done
      until [ -e "$PETIT_PARAM_GATE" ]; do sleep 0.05; done
      echo "the end"
`,
};

const rows = (page: Page) => page.locator(".log-row[data-seq]");
const row = (page: Page, seq: number) => page.locator(`.log-row[data-seq="${seq}"]`);
/** Waits until a line with this number or a later one is drawn: a page may open when the run is far ahead. */
const shownFrom = (page: Page, seq: number): Promise<void> =>
  holds(
    page,
    `[...document.querySelectorAll(".log-row[data-seq]")].some((each) => Number(each.dataset.seq) >= ${seq})`,
  );
const texts = (page: Page): Promise<string[]> => page.locator(".log-row .log-text").allTextContents();

describe.skipIf(CHROMIUM === null)("the log of a run", () => {
  let longRun = "";
  const running = sharedWeb(
    () => startPetit({ jobs: JOBS }),
    async (petit) => {
      longRun = (await runToEnd(petit, "long")).id;
    },
  );
  const openLog = async (runId: string, more = ""): Promise<void> => {
    const { web, page } = running();
    await web.open(`/runs/${runId}${more}`);
    await page.locator("[data-log]:not([data-log=loading])").waitFor();
  };

  test("renders a few rows of many lines, and any line after a jump", async () => {
    const { page } = running();
    await openLog(longRun);
    await row(page, 1).waitFor();
    await page.getByText(`${LINES.toLocaleString("en-US")} lines`).waitFor();
    await page.getByRole("button", { name: "End", exact: true }).click();
    await row(page, LINES).waitFor();
    await page.locator(".log-scroll").evaluate((each) => {
      each.scrollTop = each.scrollHeight / 2;
    });
    await row(page, LINES / 2).waitFor();
    expect(await rows(page).count()).toBeLessThan(100);
    await page.getByRole("button", { name: "Start", exact: true }).click();
    await row(page, 1).waitFor();
  }, 60_000);

  test("searches the whole log, also lines that are not loaded, in both directions", async () => {
    const { page } = running();
    await openLog(longRun);
    await page.keyboard.press("/");
    await page.keyboard.type("NEEDLE");
    await row(page, 17_777).waitFor();
    await page.getByText("1 of 1").waitFor();
    expect(await row(page, 17_777).locator("mark").textContent()).toBe("Needle");
    await page.getByLabel("Search the log").fill("milestone");
    await page.getByText("1 of 2").waitFor();
    await row(page, 9_000).waitFor();
    await page.getByLabel("Search the log").press("Enter");
    await page.getByText("2 of 2").waitFor();
    await row(page, 18_000).waitFor();
    await page.getByRole("button", { name: "Next match" }).click();
    await page.getByText("1 of 2").waitFor();
    await page.getByRole("button", { name: "Previous match" }).click();
    await page.getByText("2 of 2").waitFor();
    await page.getByLabel("Search the log").fill("not there");
    await page.getByText("no matches").waitFor();
  }, 60_000);

  test("opens at the line of the URL, marks it, and gives each line a URL", async () => {
    const { page } = running();
    await openLog(longRun, "#L12345");
    await page.locator('.log-row.is-marked[data-seq="12345"]').waitFor();
    expect(await row(page, 12_345).boundingBox()).toMatchObject({ y: expect.any(Number) });
    await page.locator(".log-seq", { hasText: "12347" }).click();
    await page.locator('.log-row.is-marked[data-seq="12347"]').waitFor();
    expect(new URL(page.url()).hash).toBe("#L12347");
    await page.reload();
    await page.locator('.log-row.is-marked[data-seq="12347"]').waitFor();
  }, 60_000);

  test("filters by task, attempt and stream, and stores the filter in the URL", async () => {
    const { petit, page } = running();
    const { id } = await runToEnd(petit, "streams");
    await openLog(id);
    await page.getByText("6 lines").waitFor();
    await page.getByLabel("Stream").selectOption("stderr");
    await page.getByText("3 lines").waitFor();
    expect(await texts(page)).toEqual(["first err", "first err", "second err"]);
    await page.getByLabel("Task", { exact: true }).selectOption("first");
    await page.getByText("2 lines").waitFor();
    await page.getByLabel("Attempt").selectOption("2");
    await page.getByText("1 line", { exact: true }).waitFor();
    expect(new URL(page.url()).search).toBe("?stream=stderr&task=first&attempt=2");
    await page.reload();
    await page.getByText("1 line", { exact: true }).waitFor();
    // A filter changes the positions of lines, but not their numbers.
    const last = (await ask(petit, `/api/runs/${id}/lines?task=second`)).body.lines.at(-1);
    await openLog(id, `?task=second#L${last.seq}`);
    await page.locator(`.log-row.is-marked[data-seq="${last.seq}"]`, { hasText: last.text }).waitFor();
  }, 60_000);

  test("shows the colours of a program, and all other output as text", async () => {
    const { petit, page } = running();
    const { id } = await runToEnd(petit, "colours");
    await openLog(id);
    await row(page, 1).waitFor();
    const shown = await texts(page);
    expect(shown[0]).toBe("red plain own palette");
    expect(shown[1]).toBe("a\u2401b\u2407c \ufffd reversed cleared");
    expect(shown[2]).toBe("100%");
    expect(shown[3]).toBe("<img src=x onerror=window.pwned=1><script>window.pwned=1</script>");
    expect(shown[4]).toMatch(/^x{2000} … 48,000 more characters/);
    expect(shown[5]).toBe("\ufffd\ufffd no text");
    const colourOf = (text: string): Promise<string> =>
      page
        .locator(".log-text")
        .getByText(text, { exact: true })
        .evaluate((each) => getComputedStyle(each).color);
    const colours = new Set(await Promise.all(["red", "own", "palette"].map(colourOf)));
    expect(colours.size).toBe(3);
    expect(await page.evaluate("window.pwned ?? null")).toBeNull();
    expect(await page.evaluate("document.querySelectorAll('.log-scroll img, .log-scroll script').length")).toBe(0);
  }, 60_000);

  test("continues a colour on the next line, and is as high as its lines", async () => {
    const { petit, page } = running();
    const { id } = await runToEnd(petit, "spanning");
    await openLog(id);
    await row(page, 4).waitFor();
    const colours = await page
      .locator(".log-text > *")
      .evaluateAll((pieces) => pieces.map((each) => `${each.textContent} ${getComputedStyle(each).color}`));
    const red = colours[0]?.replace("begins ", "");
    expect(colours).toEqual([`begins ${red}`, `goes on ${red}`, `ends ${red}`]);
  }, 60_000);

  test("shows times and wraps long lines with a key", async () => {
    const { petit, page } = running();
    const { id } = await runToEnd(petit, "colours");
    await openLog(id);
    await row(page, 5).waitFor();
    const before = await row(page, 5).boundingBox();
    await page.keyboard.press("t");
    await page.locator(".log-time").first().waitFor();
    expect(await page.locator(".log-time").first().textContent()).toMatch(/^\d\d:\d\d:\d\d\.\d{3}$/);
    await page.keyboard.press("w");
    await holds(
      page,
      `document.querySelector('.log-row[data-seq="5"]')?.getBoundingClientRect().height > ${4 * (before?.height ?? 0)}`,
    );
    // The next line moves down and does not overlap.
    await holds(
      page,
      `(() => {
      const at = (seq) => document.querySelector('.log-row[data-seq="' + seq + '"]')?.getBoundingClientRect();
      return at(6) !== undefined && Math.abs(at(6).top - at(5).bottom) < 2;
    })()`,
    );
    await page.keyboard.press("w");
    await page.keyboard.press("t");
  }, 60_000);

  test("follows the newest line until the user scrolls up, then counts new lines, and follows again", async () => {
    const { petit, page } = running();
    const gate = join(petit.dir, "gate-follow");
    const { body } = await ask(petit, "/api/jobs/paced/trigger", {
      method: "POST",
      body: JSON.stringify({ params: { gate, lines: "2000" } }),
    });
    await openLog(body.run_id);
    await shownFrom(page, 100);
    await page.locator(".log-scroll").hover();
    await page.mouse.wheel(0, -800);
    await page.getByRole("button", { name: /^↓ \d+ new lines?$/ }).waitFor();
    await page.locator(".log-scroll").press("End");
    await page.locator(".log-follow").waitFor({ state: "detached" });
    await page.mouse.wheel(0, -800);
    await page.getByRole("button", { name: /^↓ \d+ new lines?$/ }).waitFor();
    const top = await page.locator(".log-scroll").evaluate((each) => each.scrollTop);
    writeFileSync(`${gate}.rush`, "");
    await page.getByText("2,000 lines, live").waitFor();
    expect(await page.locator(".log-scroll").evaluate((each) => each.scrollTop)).toBe(top);
    await page.getByRole("button", { name: /new lines?$/ }).click();
    await row(page, 2_000).waitFor();
    writeFileSync(gate, "");
    await page.locator(".log-row", { hasText: "the end" }).waitFor();
    await page.locator('[data-log="ended"]').waitFor();
  }, 90_000);

  test("finds matches in lines that are added after the search", async () => {
    const { petit, page } = running();
    const gate = join(petit.dir, "gate-find");
    const { body } = await ask(petit, "/api/jobs/paced/trigger", {
      method: "POST",
      body: JSON.stringify({ params: { gate, lines: "5" } }),
    });
    await openLog(body.run_id);
    await row(page, 5).waitFor();
    await page.getByLabel("Search the log").fill("the end");
    await page.getByText("no matches").waitFor();
    writeFileSync(gate, "");
    await page.getByText("1 lines").or(page.getByText("1 of 1")).waitFor();
  }, 60_000);

  test("downloads and copies the whole log", async () => {
    const { petit, web, page } = running();
    const { id } = await runToEnd(petit, "colours");
    await openLog(id);
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "Download" }).click(),
    ]);
    const bytes = Buffer.from(await (await petit.fetch(`/api/runs/${id}/logs`)).arrayBuffer());
    expect(readFileSync(await download.path()).equals(bytes)).toBe(true);
    expect(bytes.includes(Buffer.from([0xff, 0xfe]))).toBe(true);
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.getByRole("button", { name: "Copy" }).click();
    await page.getByText("Copied").waitFor();
    expect(await page.evaluate("navigator.clipboard.readText()")).toStartWith("red plain own palette\n");
    expect(web.complaints()).toEqual([]);
  }, 60_000);

  test.each(["light", "dark"] as const)(
    "passes axe-core with colours and matches, %s",
    async (colorScheme) => {
      const { petit, web, page } = running();
      await page.emulateMedia({ colorScheme });
      const { id } = await runToEnd(petit, "colours");
      await openLog(id, "#L3");
      await page.locator(".log-row.is-marked").waitFor();
      await page.getByLabel("Search the log").fill("re");
      await page.getByText(/^1 of \d/).waitFor();
      expect(await web.axe()).toEqual([]);
      await page.emulateMedia({ colorScheme: "light" });
    },
    60_000,
  );
});

describe.skipIf(CHROMIUM === null)("the log of a run with a token", () => {
  test("downloads the exact bytes with the token", async () => {
    await using petit = await startPetit({ jobs: JOBS, env: { PETIT_API_TOKEN: TOKEN } });
    const authorized = { headers: { authorization: `Bearer ${TOKEN}` } };
    const { body } = await ask(petit, "/api/jobs/colours/trigger?wait=60", { method: "POST", ...authorized });
    await using web = await openWeb(petit);
    const { page } = web;
    await page.goto(`${petit.url}/runs/${body.run.id}`);
    await page.getByRole("textbox", { name: "Token" }).fill(TOKEN);
    await page.getByRole("button", { name: "Continue" }).click();
    await row(page, 1).waitFor();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "Download" }).click(),
    ]);
    const bytes = await (await petit.fetch(`/api/runs/${body.run.id}/logs`, authorized)).arrayBuffer();
    expect(readFileSync(await download.path()).equals(Buffer.from(bytes))).toBe(true);
  }, 90_000);
});

describe.skipIf(CHROMIUM === null)("the log of a run while petit is killed and restarted", () => {
  test("continues without a gap or a duplicate", async () => {
    const first = await startPetit({ jobs: JOBS });
    const { port } = new URL(first.url);
    const gate = join(first.dir, "gate-restart");
    await using web = await openWeb(first);
    const { page } = web;
    const { body } = await ask(first, "/api/jobs/paced/trigger", {
      method: "POST",
      body: JSON.stringify({ params: { gate, lines: "500" } }),
    });
    await web.open(`/runs/${body.run_id}`);
    await shownFrom(page, 60);
    await first.kill();
    await page.locator('[data-log="away"]').waitFor();
    await using second = await startPetit({ dir: first.dir, args: ["--api-port", port] });
    await page.locator('[data-log="live"]').waitFor();
    const { total } = (await ask(second, `/api/runs/${body.run_id}/lines?limit=1`)).body;
    await shownFrom(page, Math.min(total + 10, 500));
    writeFileSync(`${gate}.rush`, "");
    await page.getByText("500 lines, live").waitFor({ timeout: 60_000 });
    writeFileSync(gate, "");
    await page.locator('[data-log="ended"]').waitFor({ timeout: 60_000 });
    await page.getByText("501 lines", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Start", exact: true }).click();
    const expected = [...Array.from({ length: 500 }, (_, index) => `line ${index + 1}`), "the end"];
    expect(await readAll(page)).toEqual(expected);
    expect(second.url).toBe(first.url);
  }, 150_000);
});

/** Scrolls through the view and returns all its lines in order. */
const readAll = async (page: Page): Promise<readonly string[]> => {
  const read = new Map<string, string>();
  for (let top = 0; ; top += 300) {
    await page.locator(".log-scroll").evaluate((each, to) => each.scrollTo({ top: to }), top);
    await holds(page, IS_DRAWN);
    const shown = await page
      .locator(".log-row")
      .evaluateAll((all) => all.map((each) => [each.getAttribute("data-index"), each.lastElementChild?.textContent]));
    for (const [index, text] of shown) read.set(index ?? "", text ?? "");
    const isEnd = await page
      .locator(".log-scroll")
      .evaluate((each) => each.scrollTop + each.clientHeight >= each.scrollHeight - 1);
    if (isEnd) return [...read].sort(([a], [b]) => Number(a) - Number(b)).map(([, text]) => text);
  }
};

/** The page draws a frame after a scroll: true when the drawn rows reach the end of what is visible, and each has its line. */
const IS_DRAWN = `(() => {
  const rows = [...document.querySelectorAll(".log-row")];
  const bottom = (element) => element.getBoundingClientRect().bottom;
  const end = Math.min(...[".log-scroll", ".log-lines"].map((each) => bottom(document.querySelector(each))));
  return rows.every((each) => each.dataset.seq !== undefined) && rows.some((each) => bottom(each) >= end - 1);
})()`;
