import { afterAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import type { ApiDocument } from "../../../src/api/docs/openapi-types.ts";
import { renderDocsPage } from "../../../src/api/docs/page.ts";
import { fakeApi } from "../../support/petit/api-fake.ts";

const open = fakeApi();
const locked = fakeApi({ token: "correct-horse-battery-staple" });
afterAll(() => {
  for (const { api } of [open, locked]) api.close();
});

const document: ApiDocument = await (await open.ask("/api/openapi.json")).json();
const response = await open.ask("/api/docs");
const page = await response.text();

const VOID = new Set(["meta", "!doctype"]);

/** Returns the names of all elements. Throws if an element is not closed by its own end tag. */
const elements = (text: string): ReadonlySet<string> => {
  const names = new Set<string>();
  const open: string[] = [];
  for (const [, end, name = ""] of text.matchAll(/<(\/?)([!a-zA-Z][\w-]*)[^>]*>/g)) {
    names.add(name);
    if (VOID.has(name)) continue;
    if (end === "") open.push(name);
    else if (open.pop() !== name) throw new Error(`</${name}> closes another element`);
  }
  if (open.length > 0) throw new Error(`not closed: ${open}`);
  return names;
};

describe("the reference page", () => {
  test("is HTML with closed elements", () => {
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    expect(page).toStartWith("<!doctype html>\n<html");
    expect(elements(page).has("main")).toBe(true);
  });

  test("has every operation, parameter and schema of the description", () => {
    for (const [path, methods] of Object.entries(document.paths)) {
      expect(page).toContain(`<code class="path">${path}</code>`);
      for (const operation of Object.values(methods)) {
        expect(page).toContain(`id="${operation.operationId}"`);
        for (const parameter of operation.parameters)
          expect(page).toContain(`<code>${parameter.name}</code> in ${parameter.in}`);
      }
    }
    for (const name of Object.keys(document.components.schemas)) expect(page).toContain(`id="schema-${name}"`);
  });

  test("links only to itself, the description and the dashboard", () => {
    const links = [...page.matchAll(/(?:href|src|action|srcset|data)="([^"]*)"/g)].map(([, link = ""]) => link);
    const ids = new Set([...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => `#${id}`));
    expect(links.filter((link) => !ids.has(link) && !["/api/openapi.json", "/"].includes(link))).toEqual([]);
    expect(ids.size).toBe([...page.matchAll(/ id="/g)].length);
  });

  test("runs and loads nothing: its policy allows only its own style sheet, by hash", () => {
    const [, css = ""] = /<style>([\s\S]*?)<\/style>/.exec(page) ?? [];
    const hash = createHash("sha256").update(css).digest("base64");
    const policy = response.headers.get("content-security-policy") ?? "";
    expect(policy.split("; ")).toEqual([
      "default-src 'none'",
      `style-src 'sha256-${hash}'`,
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ]);
    expect([...page.matchAll(/<style/g)].length).toBe(1);
    expect(css).not.toMatch(/url\(|@import/);
    expect(page).not.toMatch(/<script|\son\w+=|\sstyle=|javascript:/i);
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  });

  test("shows names and descriptions as text, whatever they contain", () => {
    const evil = `</code></style><script>alert(1)</script><img src=x onerror="alert(2)">'"\`<b>\`&`;
    const [path] = Object.keys(document.paths);
    const hostile: ApiDocument = {
      info: { title: evil, version: evil, summary: evil, description: evil },
      tags: [{ name: evil, description: evil }],
      paths: {
        [`${path}${evil}`]: {
          post: {
            "x-role": "operator",
            "x-scope": "jobs",
            operationId: evil,
            tags: [evil],
            summary: evil,
            description: evil,
            parameters: [
              {
                name: evil,
                in: evil,
                required: true,
                description: evil,
                schema: { type: evil, default: evil, enum: [evil] },
              },
            ],
            requestBody: { required: false, content: { [evil]: { schema: { $ref: `#/components/schemas/${evil}` } } } },
            responses: { [evil]: { description: evil, content: { [evil]: { schema: {}, example: evil } } } },
          },
        },
      },
      components: {
        schemas: {
          [evil]: {
            description: evil,
            examples: [{ [evil]: evil }],
            properties: { [evil]: { type: evil, const: evil } },
          },
        },
        responses: {},
      },
    };
    const text = renderDocsPage({ document: hostile, address: `http://${evil}` });
    expect([...elements(text)].filter((name) => !elements(page).has(name))).toEqual([]);
    expect(text).not.toMatch(/<script|<img|<b>/);
    expect(text.match(/<style/g)?.length).toBe(1);
  });

  test("has the address at which it was opened in its commands, and a link to the dashboard", () => {
    expect(page).toContain("curl -X POST http://127.0.0.1:8565/api/jobs/hello_world/trigger");
    expect(renderDocsPage({ document, address: "https://petit.example" })).toContain(
      "curl https://petit.example/api/runs/",
    );
    expect(page).toContain('<a href="/">');
  });

  test("requires the token like the description", async () => {
    expect((await locked.ask("/api/docs")).status).toBe(401);
    const headers = { authorization: "Bearer correct-horse-battery-staple" };
    expect((await locked.ask("/api/docs", { headers })).status).toBe(200);
  });
});
