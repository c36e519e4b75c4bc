import { describe, expect, test } from "bun:test";
import { gunzipSync } from "node:zlib";
import { pageFiles } from "../../src/app/page.ts";

const files = pageFiles();
const get = (path: string, headers: Record<string, string> = {}, query = ""): Response | null =>
  files(path, new Headers(headers), query);

/** Of a path that there is. */
const got = (path: string, headers: Record<string, string> = {}): Response => {
  const response = get(path, headers);
  if (response === null) throw new Error(`there is nothing at ${path}`);
  return response;
};

const html = await got("/").text();
const assets = [...html.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(([, path = ""]) => path);
const script = assets.find((path) => path.endsWith(".js")) ?? "";

describe("the files of the dashboard", () => {
  test.each(["/", "/jobs", "/jobs/a.b-c_d", "/runs", "/runs/019b76da-a800-7c3e-8f2b-5d1c9a7e4f60", "/system"])(
    "are the page itself at %s",
    async (path) => {
      expect(await got(path).text()).toBe(html);
    },
  );

  test.each([
    "/index.html",
    "/jobs/a/b",
    "/api/jobs",
    "/api",
    "/metrics",
    "/assets/",
    "/favicon.ico",
    "/nowhere",
    "//",
  ])("are none at %s", (path) => {
    expect(get(path)).toBeNull();
  });

  test("name the module and the data of the view, so that the browser fetches them early", () => {
    const links = (path: string): string => got(path).headers.get("link") ?? "";
    expect(links("/")).toContain("</api/attention>; rel=preload; as=fetch; crossorigin=anonymous");
    expect(links("/runs/0a-1")).toMatch(
      /<\/api\/runs\/0a-1>.*<\/api\/runs\/0a-1\/tasks>.*<\/assets\/run-view-\w+\.js>; rel=modulepreload/,
    );
    expect(links("/jobs/a")).toMatch(/ <\/assets\/job-view-\w+\.js>; rel=modulepreload$/);
    const stylesheet = assets.find((path) => path.endsWith(".css")) ?? "";
    const entries = `<${script}>; rel=modulepreload, <${stylesheet}>; rel=preload; as=style; crossorigin=anonymous`;
    expect(["/", "/jobs/a", "/system"].filter((path) => !links(path).startsWith(entries))).toEqual([]);
    const timelines = links("/").match(/<\/api\/timeline[^,]*/g) ?? [];
    const widths = timelines.map((link) => [/bins=(\d+)/.exec(link)?.[1], /media="(.*)"/.exec(link)?.[1]]);
    expect(widths.slice(0, 2)).toEqual([
      ["100", "(max-width: 428px)"],
      ["200", "(min-width: 429px) and (max-width: 857px)"],
    ]);
    expect(widths.at(-1)).toEqual(["1000", "(min-width: 2572px)"]);
    expect(get("/", {}, "?zoom=1h")?.headers.get("link")).not.toContain("timeline");
    expect([links("/runs/%3Cscript%3E"), links(script)].join()).not.toContain("api");
  });

  test("include every file that the page names, with its content type", async () => {
    expect(assets.length).toBe(3);
    for (const path of assets) {
      expect(got(path).headers.get("content-type")).toMatch(/^(text\/(javascript|css)|image\/svg\+xml)/);
      expect((await got(path).text()).length).toBeGreaterThan(100);
    }
  });

  test("load nothing from other origins and contain nothing that the policy forbids", () => {
    expect(html).not.toMatch(/https?:|<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)/);
  });

  test("have a policy without other origins and without eval", () => {
    const policy = got("/").headers.get("content-security-policy") ?? "";
    expect(policy).toStartWith("default-src 'none'; script-src 'self'; style-src 'self';");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|http|\*/);
  });

  test("are compressed for clients that accept gzip", async () => {
    for (const accept of ["gzip", "gzip, deflate, br", "br;q=1.0, gzip;q=0.8", "*"]) {
      const response = got(script, { "accept-encoding": accept });
      expect(response.headers.get("content-encoding")).toBe("gzip");
      expect(gunzipSync(await response.arrayBuffer()).toString()).toBe(await got(script).text());
    }
    for (const accept of ["identity", "br", "gzip;q=0", "gzip; q=0.0, br", "x-gzipped"]) {
      expect(got(script, { "accept-encoding": accept }).headers.has("content-encoding")).toBe(false);
    }
  });

  test("are cached forever if their name contains a hash, and revalidated otherwise", () => {
    expect(got(script).headers.get("cache-control")).toContain("immutable");
    expect(got("/").headers.get("cache-control")).toBe("no-cache");
  });

  test("are not sent again if the client has them", async () => {
    const etag = got("/").headers.get("etag") ?? "";
    expect(etag).toMatch(/^"[\w-]{22}"$/);
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`]) {
      const response = got("/jobs", { "if-none-match": known });
      expect([response.status, await response.text(), response.headers.get("etag")]).toEqual([304, "", etag]);
    }
    expect(got("/", { "if-none-match": '"other"' }).status).toBe(200);
  });
});
