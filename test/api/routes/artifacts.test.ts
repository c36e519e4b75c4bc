import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ask, raw, runToEnd } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

const JOBS = {
  "jobs.yaml": `
id: make
tasks:
  - id: files
    type: shell
    script: |
      cd "$PETIT_ARTIFACTS"
      printf 0123456789 > ten.txt
      : > empty.bin
      printf '<script>alert(1)</script>' > page.html
      printf '<svg/>' > drawing.SVG
      printf x > picture.png
      printf x > 'a "b"; c.txt'
      printf x > 'ü%2F.log'
      mkdir -p out/deep
      printf x > out/deep/rows.csv
  - {id: each, type: shell, foreach: ["a/b", ".."], script: 'printf "$PETIT_ITEM" > "$PETIT_ARTIFACTS/item"'}
---
id: none
tasks: [{id: only, type: command, command: "true"}]
`,
};

let petit: Petit;
let base: string;
let runId: string;
beforeAll(async () => {
  petit = await startPetit({ jobs: JOBS });
  runId = (await runToEnd(petit, "make")).id;
  base = `/api/runs/${runId}/artifacts`;
});
afterAll(() => petit[Symbol.asyncDispose]());

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

const get = async (path: string, headers: HeadersInit = {}) => {
  const response = await petit.fetch(`${base}/${path}`, { headers });
  const header = (name: string): string | null => response.headers.get(name);
  return { status: response.status, header, text: await response.text() };
};

describe("GET /api/runs/{run_id}/artifacts", () => {
  test("lists them by path", async () => {
    const { status, body } = await ask(petit, base);
    expect([status, body.count]).toEqual([200, 10]);
    expect(body.artifacts.map(({ path }: { path: string }) => path)).toEqual([
      "each/%2E./item",
      "each/a%2Fb/item",
      'files/a "b"; c.txt',
      "files/drawing.SVG",
      "files/empty.bin",
      "files/out/deep/rows.csv",
      "files/page.html",
      "files/picture.png",
      "files/ten.txt",
      "files/ü%2F.log",
    ]);
    expect(body.artifacts[1]).toEqual({
      path: "each/a%2Fb/item",
      task_id: "each",
      item: 0,
      item_key: "a/b",
      attempt: 1,
      size: 3,
      sha256: sha256("a/b"),
      content_type: "application/octet-stream",
      created_at: expect.any(Number),
    });
    expect(body.artifacts[8]).toMatchObject({ task_id: "files", item: null, item_key: null, size: 10 });
  });

  test("lists those of a task", async () => {
    const { body } = await ask(petit, `${base}?task=each`);
    expect(body.count).toBe(2);
    expect((await ask(petit, `${base}?task=other`)).body.code).toBe("NOT_FOUND");
    expect((await ask(petit, `${base}?tsk=each`)).body.code).toBe("INVALID_REQUEST");
  });

  test("lists nothing for a run without any, and knows no other runs", async () => {
    const { id } = await runToEnd(petit, "none");
    expect((await ask(petit, `/api/runs/${id}/artifacts`)).body).toEqual({ artifacts: [], count: 0 });
    expect((await ask(petit, "/api/runs/019b76da-a800-7c3e-8f2b-5d1c9a7e4f60/artifacts")).status).toBe(404);
  });
});

describe("GET /api/runs/{run_id}/artifacts/{path}", () => {
  test("sends a file with its entity tag", async () => {
    const { status, header, text } = await get("files/ten.txt");
    expect([status, text]).toEqual([200, "0123456789"]);
    expect([header("content-length"), header("accept-ranges"), header("etag")]).toEqual([
      "10",
      "bytes",
      `"${sha256("0123456789")}"`,
    ]);
    expect([header("x-content-type-options"), header("cache-control")]).toEqual(["nosniff", "private, no-cache"]);
    expect(header("content-security-policy")).toStartWith("sandbox;");
  });

  test("answers HEAD with the same headers", async () => {
    const response = await petit.fetch(`${base}/files/ten.txt`, { method: "HEAD" });
    expect([response.status, response.headers.get("content-length"), await response.text()]).toEqual([200, "10", ""]);
  });

  test.each([
    ["files/ten.txt", "text/plain; charset=utf-8", 'inline; filename="ten.txt"'],
    ["files/out/deep/rows.csv", "text/plain; charset=utf-8", 'inline; filename="rows.csv"'],
    ["files/picture.png", "image/png", 'inline; filename="picture.png"'],
    ["files/page.html", "text/html; charset=utf-8", 'attachment; filename="page.html"'],
    ["files/drawing.SVG", "image/svg+xml", 'attachment; filename="drawing.SVG"'],
    ["files/empty.bin", "application/octet-stream", 'attachment; filename="empty.bin"'],
    [
      "files/a%20%22b%22%3B%20c.txt",
      "text/plain; charset=utf-8",
      "inline; filename=\"a _b_; c.txt\"; filename*=UTF-8''a%20%22b%22%3B%20c.txt",
    ],
    [
      "files/%C3%BC%252F.log",
      "text/plain; charset=utf-8",
      "inline; filename=\"__2F.log\"; filename*=UTF-8''%C3%BC%252F.log",
    ],
    ["each/a%252Fb/item", "application/octet-stream", 'attachment; filename="item"'],
  ])("%s is %s, %s", async (path, type, disposition) => {
    const { status, header } = await get(path);
    expect([status, header("content-type"), header("content-disposition")]).toEqual([200, type, disposition]);
  });

  test.each([
    ["bytes=0-3", "0123", "bytes 0-3/10"],
    ["bytes=4-", "456789", "bytes 4-9/10"],
    ["bytes=-3", "789", "bytes 7-9/10"],
    ["bytes=-100", "0123456789", "bytes 0-9/10"],
    ["bytes=8-100", "89", "bytes 8-9/10"],
    ["bytes=0-1,2-3", "0123", "bytes 0-3/10"],
    ["bytes=0-1, 50-60", "01", "bytes 0-1/10"],
  ])("Range: %s sends a part", async (range, part, contentRange) => {
    const { status, header, text } = await get("files/ten.txt", { range });
    expect([status, text, header("content-range")]).toEqual([206, part, contentRange]);
    expect(header("content-length")).toBe(String(part.length));
  });

  test.each(["bytes=0-1,8-9", "bytes=5-2", "bytes=x-", "lines=0-1", "bytes="])(
    "Range: %s is ignored",
    async (range) => {
      const { status, text } = await get("files/ten.txt", { range });
      expect([status, text]).toEqual([200, "0123456789"]);
    },
  );

  test("a range outside of the file is refused with its size", async () => {
    for (const range of ["bytes=10-", "bytes=-0", "bytes=20-30,40-50"]) {
      const { status, header, text } = await get("files/ten.txt", { range });
      expect([status, header("content-range")]).toEqual([416, "bytes */10"]);
      expect(JSON.parse(text).code).toBe("RANGE_NOT_SATISFIABLE");
    }
    expect((await get("files/empty.bin", { range: "bytes=0-" })).status).toBe(416);
    expect((await get("files/empty.bin", { range: "bytes=-1" })).status).toBe(200);
  });

  test("sends nothing to a client that has the file", async () => {
    const etag = `"${sha256("0123456789")}"`;
    for (const known of [etag, `W/${etag}`, `"x", ${etag}`, "*"]) {
      const { status, header, text } = await get("files/ten.txt", { "if-none-match": known, range: "bytes=0-1" });
      expect([status, header("etag"), text]).toEqual([304, etag, ""]);
    }
    expect((await get("files/ten.txt", { "if-none-match": '"other"' })).status).toBe(200);
  });

  test("sends a part only while the file is the same", async () => {
    const etag = `"${sha256("0123456789")}"`;
    const range = "bytes=0-1";
    expect((await get("files/ten.txt", { range, "if-range": etag })).status).toBe(206);
    for (const other of ['"other"', `W/${etag}`, "Fri, 27 Nov 2026 09:00:00 GMT"])
      expect((await get("files/ten.txt", { range, "if-range": other })).text).toBe("0123456789");
  });

  test.each([
    "files",
    "files/",
    "files/other.txt",
    "files//ten.txt",
    "..%2F..%2Fpetit.db",
    "files/..%2Ften.txt",
    "%2Fetc%2Fpasswd",
    "files/ten.txt%00",
    "files/%E0%A4%A",
    "each/a%2Fb/item",
  ])("%s is not found", async (path) => {
    const { status, text } = await get(path);
    expect([status, JSON.parse(text).code]).toEqual([404, "NOT_FOUND"]);
  });

  test("a path with dots that a client did not resolve is not found", async () => {
    const path = `${base}/../../../../petit.db`;
    const answer = await raw(petit.url, `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 404 /);
  });

  test("other methods are refused", async () => {
    expect((await petit.fetch(`${base}/files/ten.txt`, { method: "DELETE" })).status).toBe(405);
  });

  test("a file that is missing or changed is not sent", async () => {
    const { id } = await runToEnd(petit, "make");
    const folder = join(petit.dir, "petit.db-artifacts", id, "files");
    rmSync(join(folder, "picture.png"));
    writeFileSync(join(folder, "ten.txt"), "01234567890");
    for (const name of ["picture.png", "ten.txt"]) {
      const { status, body } = await ask(petit, `/api/runs/${id}/artifacts/files/${name}`);
      expect([status, body.error]).toEqual([404, `the file of the artifact 'files/${name}' is missing or damaged`]);
    }
  });
});
