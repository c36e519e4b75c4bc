import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { setImmediate as turn } from "node:timers/promises";
import type { Page } from "playwright-core";
import { ask, runToEnd } from "../support/petit/api.ts";
import { type Petit, startPetit } from "../support/petit/petit.ts";
import { type Browser, CHROMIUM, type Site, startBrowser, startSite } from "../support/web/browser.ts";

const SCRIPT = "<script>document.title = 'ran'</script><img src=x onerror=\"document.title = 'ran'\">";

const JOBS = {
  "jobs.yaml": `
id: hello
params: {note: {default: ""}}
tasks: [{id: only, type: command, command: "true"}]
---
id: evil
name: ${JSON.stringify(SCRIPT)}
description: ${JSON.stringify(SCRIPT)}
tasks: [{id: only, type: command, command: echo, args: [${JSON.stringify(SCRIPT)}]}]
`,
};

/** The page of an attacker: tries every way a browser has to send a POST and to read a response. */
const ATTACK = `<!doctype html><title>innocent</title><iframe name="frame"></iframe><script>
const target = new URLSearchParams(location.search).get("target");
const trigger = target + "/api/jobs/hello/trigger";
const settled = (promise) => promise.then(() => "done", () => "refused");
const loaded = (element) => new Promise((resolve) => {
  element.onload = () => resolve("done");
  element.onerror = () => resolve("refused");
  document.body.append(element);
});
const form = (enctype) => {
  const made = Object.assign(document.createElement("form"), { method: "post", action: trigger, enctype, target: "frame" });
  // With enctype text/plain, this is a JSON body.
  made.innerHTML = '<input name="{&quot;params&quot;:{&quot;note&quot;:&quot;" value="&quot;}}">';
  document.body.append(made);
  const answered = new Promise((resolve) => { document.querySelector("iframe").onload = () => resolve("done"); });
  made.submit();
  return answered;
};
const attacks = {
  simple: () => settled(fetch(trigger, { method: "POST", mode: "no-cors", body: '{"params":{}}' })),
  empty: () => settled(fetch(trigger, { method: "POST", mode: "no-cors" })),
  credentials: () => settled(fetch(trigger, { method: "POST", mode: "no-cors", credentials: "include" })),
  json: () => settled(fetch(trigger, { method: "POST", headers: { "content-type": "application/json" }, body: "{}" })),
  put: () => settled(fetch(trigger, { method: "PUT" })),
  xhr: () => new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.onloadend = () => resolve(request.status === 0 ? "refused" : "done");
    request.open("POST", trigger);
    request.send("{}");
  }),
  beacon: async () => String(navigator.sendBeacon(trigger, "{}")),
  urlencoded: () => form("application/x-www-form-urlencoded"),
  multipart: () => form("multipart/form-data"),
  plain: () => form("text/plain"),
  pause: () => settled(fetch(target + "/api/scheduler/pause", { method: "POST", mode: "no-cors" })),
  reload: () => settled(fetch(target + "/api/jobs/reload", { method: "POST", mode: "no-cors" })),
  read: () => settled(fetch(target + "/api/jobs").then((response) => response.text())),
  metrics: () => settled(fetch(target + "/metrics").then((response) => response.text())),
  page: () => settled(fetch(target + "/").then((response) => response.text())),
  script: () => loaded(Object.assign(document.createElement("script"), { src: target + "/api/jobs" })),
  image: () => loaded(Object.assign(new Image(), { src: target + "/api/jobs" })),
  events: () => new Promise((resolve) => {
    const source = new EventSource(target + "/api/events");
    source.onopen = () => resolve("done");
    source.onerror = () => resolve("refused");
  }),
};
window.attack = async () => {
  const results = {};
  for (const [name, run] of Object.entries(attacks)) results[name] = await run();
  return results;
};
</script>`;

const TOKEN = "correct-horse-battery-staple-0123456789";

type Results = Readonly<Record<string, string>>;

/** Opens the page of the attacker at `from` and returns the results of its attacks. */
const attack = async (page: Page, from: string, target: string): Promise<Results> => {
  await page.goto(`${from}/?target=${encodeURIComponent(target)}`);
  return await page.evaluate("window.attack()");
};

type AnsweredRequest = {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly time: string;
  readonly duration_ms: number;
};

/** Returns the requests that petit has answered, from its log. */
const answered = async (petit: Petit): Promise<AnsweredRequest[]> => {
  // Once the log contains the last request, it contains the earlier ones.
  const mark = crypto.randomUUID();
  await petit.fetch(`/${mark}`);
  while (!petit.stderr().includes(`GET /${mark} was answered`)) await turn();
  return petit
    .stderr()
    .split("\n")
    .filter((line) => line.includes(" was answered ") && line.endsWith("}"))
    .map((line): AnsweredRequest => JSON.parse(line))
    .filter(({ path }) => !/^\/[0-9a-f-]{36}$/.test(path));
};

const REFUSED = {
  json: "refused",
  xhr: "refused",
  put: "refused",
  read: "refused",
  metrics: "refused",
  page: "refused",
  script: "refused",
};

describe.skipIf(CHROMIUM === null)("in a browser", () => {
  let [petit, browser, site]: [Petit?, Browser?, Site?] = [];
  const running = (): { petit: Petit; browser: Browser; site: Site } => {
    if (petit === undefined || browser === undefined || site === undefined) throw new Error("not started");
    return { petit, browser, site };
  };
  beforeAll(async () => {
    [petit, browser, site] = await Promise.all([
      startPetit({ jobs: JOBS, args: ["--log-level", "debug", "--no-watch"] }),
      startBrowser(["evil.example", "rebound.example"]),
      startSite(() => ATTACK),
    ]);
  }, 30_000);
  afterAll(async () => {
    for (const each of [browser, petit, site]) await each?.[Symbol.asyncDispose]();
  }, 30_000);

  /** Expects that nothing was started, paused or read, although requests of the page reached petit. */
  const expectUnharmed = async (results: Results, since: number): Promise<void> => {
    const requests = (await answered(running().petit)).slice(since);
    expect(results).toMatchObject(REFUSED);
    expect(requests.filter(({ method }) => method === "POST").length).toBeGreaterThanOrEqual(8);
    expect(requests.filter(({ status, method }) => method !== "GET" && status !== 403)).toEqual([]);
    const { body } = await ask(running().petit, "/api/runs");
    expect(body.runs).toEqual([]);
    expect((await ask(running().petit, "/api/scheduler/state")).body.state).toBe("running");
  };

  test("a page of another site can't trigger, pause or read anything", async () => {
    const { petit, browser, site } = running();
    const page = await browser.context.newPage();
    for (const target of [petit.url, petit.url.replace("127.0.0.1", "localhost")]) {
      const since = (await answered(petit)).length;
      const results = await attack(page, `http://evil.example:${site.port}`, target);
      await expectUnharmed(results, since);
      expect(results).toMatchObject({ events: "refused", image: "refused" });
      expect((await answered(petit)).slice(since).filter(({ status }) => status !== 403)).toEqual([
        expect.objectContaining({ path: "/api/runs" }),
        expect.objectContaining({ path: "/api/scheduler/state" }),
      ]);
    }
    await page.close();
  }, 30_000);

  test("a page of another port of this machine can't either", async () => {
    const { petit, browser, site } = running();
    const page = await browser.context.newPage();
    const since = (await answered(petit)).length;
    await expectUnharmed(await attack(page, `http://127.0.0.1:${site.port}`, petit.url), since);
    await page.close();
  }, 30_000);

  test("a page of another site or port can't use the session of somebody who is logged in", async () => {
    const { browser, site } = running();
    const args = ["--log-level", "debug", "--no-watch"];
    await using locked = await startPetit({ jobs: JOBS, args, env: { PETIT_API_TOKEN: TOKEN } });
    const page = await browser.context.newPage();
    await page.goto(locked.url);
    const inPage = (path: string, init: object) =>
      page.evaluate(`fetch("${path}", ${JSON.stringify(init)}).then((response) => response.status)`);
    expect(await inPage("/api/jobs", {})).toBe(401);
    expect(await inPage("/api/session", { method: "POST", body: JSON.stringify({ token: TOKEN }) })).toBe(200);
    expect(await page.evaluate("document.cookie")).toBe("");
    expect(await inPage("/api/jobs", {})).toBe(200);
    expect(await inPage("/api/scheduler/resume", { method: "POST" })).toBe(200);
    // The dashboard keeps a stream open, whose request is logged when it is closed.
    await page.goto("about:blank");
    // The other port is the same site, so that the browser sends the cookie.
    for (const from of ["evil.example", "127.0.0.1"]) {
      const since = (await answered(locked)).length;
      const begin = Date.now();
      const results = await attack(page, `http://${from}:${site.port}`, locked.url);
      expect(results).toMatchObject(REFUSED);
      const requests = (await answered(locked))
        .slice(since)
        .filter(({ time, duration_ms }) => Date.parse(time) - duration_ms >= begin);
      expect(requests.filter(({ method }) => method === "POST").length).toBeGreaterThanOrEqual(8);
      expect(requests.filter(({ status }) => status !== 403)).toEqual([]);
    }
    const headers = { authorization: `Bearer ${TOKEN}` };
    expect((await ask(locked, "/api/runs", { headers })).body.runs).toEqual([]);
    expect((await ask(locked, "/api/scheduler/state", { headers })).body.state).toBe("running");
    // Another tab of the same browser is logged in, until the logout.
    const other = await browser.context.newPage();
    expect((await other.goto(`${locked.url}/api/docs`))?.status()).toBe(200);
    await page.goto(locked.url);
    expect(await inPage("/api/session", { method: "DELETE" })).toBe(200);
    await other.goto(`${locked.url}/api/docs`);
    await other.getByRole("dialog", { name: "This petit requires a token" }).waitFor();
    await Promise.all([page.close(), other.close()]);
  }, 30_000);

  test("a page whose host name is rebound to petit (DNS rebinding) can't either", async () => {
    const { browser } = running();
    const page = await browser.context.newPage();
    // First the server of the attacker answers at this name and port, then petit.
    const rebound = await startSite(() => ATTACK);
    const url = `http://rebound.example:${rebound.port}`;
    await page.goto(`${url}/?target=${encodeURIComponent(url)}`);
    await rebound[Symbol.asyncDispose]();
    await using victim = await startPetit({
      jobs: JOBS,
      args: ["--log-level", "debug", "--api-port", String(rebound.port)],
    });
    const results: Results = await page.evaluate("window.attack()");
    // For the browser this is the same origin, so it sends all requests, and the page can read the refusals.
    expect(results).toMatchObject({ simple: "done", json: "done", read: "done" });
    expect(await page.evaluate("fetch('/api/jobs').then((response) => response.status)")).toBe(403);
    const requests = await answered(victim);
    expect(requests.filter(({ method }) => method === "POST").length).toBeGreaterThanOrEqual(8);
    expect(requests.filter(({ status }) => status !== 403)).toEqual([]);
    expect((await ask(victim, "/api/runs")).body.runs).toEqual([]);
    await page.close();
  }, 30_000);

  test("a form or a link of another site is refused", async () => {
    const { petit, browser, site } = running();
    const page = await browser.context.newPage();
    const visit = async (markup: string): Promise<unknown> => {
      await page.goto(`http://evil.example:${site.port}/?target=${petit.url}`);
      await page.setContent(markup);
      const [response] = await Promise.all([page.waitForNavigation(), page.click("#go")]);
      return await response?.json();
    };
    const refused = { error: expect.any(String), code: "FORBIDDEN" };
    const action = `${petit.url}/api/jobs/hello/trigger`;
    expect(await visit(`<form method=post action=${action}><button id=go>win</button></form>`)).toEqual(refused);
    expect(await visit(`<a id=go href=${petit.url}/api/jobs>jobs</a>`)).toEqual(refused);
    expect((await ask(petit, "/api/runs")).body.runs).toEqual([]);
    await page.close();
  }, 30_000);

  test("a link of another site opens the dashboard, which sends requests to petit only", async () => {
    const { petit, browser, site } = running();
    const page = await browser.context.newPage();
    const complaints: string[] = [];
    const origins: string[] = [];
    await page.goto(`http://evil.example:${site.port}/?target=${petit.url}`);
    await page.setContent(`<a id=go href=${petit.url}/jobs>jobs</a>`);
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("request", (request) => origins.push(new URL(request.url()).origin));
    const [response] = await Promise.all([page.waitForNavigation(), page.click("#go")]);
    expect([response?.status(), await page.evaluate("document.contentType")]).toEqual([200, "text/html"]);
    await page.locator("main a", { hasText: "hello" }).first().waitFor();
    expect(new Set(origins)).toEqual(new Set([petit.url]));
    expect(complaints).toEqual([]);
    // The content security policy blocks inline scripts and requests to other origins.
    expect(await page.evaluate("fetch('http://evil.example/').then(() => 'read', () => 'refused')")).toBe("refused");
    await page.addScriptTag({ content: "document.title = 'ran'" }).catch(() => {});
    expect(await page.title()).not.toBe("ran");
    await page.close();
  }, 30_000);

  test("a page of another site can't load the files of the dashboard", async () => {
    const { petit, browser, site } = running();
    const html = await (await petit.fetch("/")).text();
    const [script = ""] = /\/assets\/[^"]+\.js/.exec(html) ?? [];
    const [style = ""] = /\/assets\/[^"]+\.css/.exec(html) ?? [];
    const page = await browser.context.newPage();
    await page.goto(`http://evil.example:${site.port}/?target=${petit.url}`);
    const load = (tag: string, attributes: object): Promise<unknown> =>
      page.evaluate(`loaded(Object.assign(document.createElement("${tag}"), ${JSON.stringify(attributes)}))`);
    expect(await load("script", { src: petit.url + script })).toBe("refused");
    expect(await load("link", { rel: "stylesheet", href: petit.url + style })).toBe("refused");
    await page.close();
  }, 30_000);

  test("a page of an allowed origin succeeds with all attacks", async () => {
    const { browser, site } = running();
    const origin = `http://evil.example:${site.port}`;
    await using open = await startPetit({ jobs: JOBS, args: ["--cors-origin", origin] });
    const page = await browser.context.newPage();
    const results = await attack(page, origin, open.url);
    expect(results).toMatchObject({ simple: "done", json: "done", xhr: "done", read: "done", metrics: "done" });
    expect((await ask(open, "/api/runs")).body.count).toBeGreaterThanOrEqual(6);
    expect((await ask(open, "/api/scheduler/state")).body.state).toBe("paused");
    await page.close();
  }, 30_000);

  test("scripts in names and output do not run", async () => {
    const { petit, browser } = running();
    const run = await runToEnd(petit, "evil");
    const page = await browser.context.newPage();
    for (const [path, type] of [
      [`/api/runs/${run.id}/logs`, "text/plain"],
      ["/api/jobs/evil", "application/json"],
      ["/api/jobs", "application/json"],
      ["/metrics", "text/plain"],
      [`/api/nowhere/${encodeURIComponent(SCRIPT)}`, "application/json"],
      [`/nowhere/${encodeURIComponent(SCRIPT)}`, "text/html"],
    ]) {
      await page.goto(`${petit.url}${path}`);
      if (type === "text/html") await page.getByRole("heading", { name: "Page not found" }).waitFor();
      expect([path, await page.evaluate("document.contentType")]).toEqual([path, type]);
      expect(await page.evaluate("document.querySelectorAll('img, body script').length")).toBe(0);
      expect(await page.title()).not.toBe("ran");
    }
    await page.close();
  }, 30_000);

  test("the API reference page is styled and causes no errors", async () => {
    const { petit, browser } = running();
    const page = await browser.context.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    page.on("request", (request) =>
      complaints.push(...(request.url() === `${petit.url}/api/docs` ? [] : [request.url()])),
    );
    await page.goto(`${petit.url}/api/docs`);
    expect(await page.evaluate("getComputedStyle(document.querySelector('nav')).position")).toBe("sticky");
    await page.click("nav a[href='#triggerJob']");
    expect(await page.evaluate("document.querySelector(':target').id")).toBe("triggerJob");
    expect(complaints.filter((text) => !text.endsWith("/api/docs#triggerJob"))).toEqual([]);
    await page.close();
  }, 30_000);

  test("a page can't embed petit in a frame", async () => {
    const { petit, browser, site } = running();
    const page = await browser.context.newPage();
    for (const from of ["evil.example", "127.0.0.1"]) {
      for (const path of ["/api/docs", "/", "/jobs"]) {
        await page.goto(`http://${from}:${site.port}/?target=x`);
        const request = page.waitForEvent("request", (request) => request.url() === petit.url + path);
        await page.setContent(`<iframe src="${petit.url}${path}"></iframe>`, { waitUntil: "load" });
        expect([path, (await request).failure()?.errorText]).toEqual([path, "net::ERR_BLOCKED_BY_RESPONSE"]);
      }
    }
    await page.close();
  }, 30_000);
});
