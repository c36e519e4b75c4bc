import { describe, expect, test } from "bun:test";
import { formatProblem } from "../../../src/jobfile/problem.ts";
import { readJobFile } from "../../../src/jobfile/read/job-file.ts";

const read = (task: string, job = "") =>
  readJobFile({ file: "f", folder: "/jobs", text: `id: j\n${job}tasks:\n  - {id: t, type: http, ${task}}` });

const problemsOf = (task: string, job = ""): readonly string[] =>
  read(task, job).problems.map((problem) => formatProblem(problem).slice(2));

const URL = "url: 'https://a.example/x'";

describe("an http task", () => {
  test("has defaults", () => {
    const { jobs, problems } = read(URL);
    expect(problems).toEqual([]);
    expect(jobs[0]?.tasks[0]?.program).toEqual({
      type: "http",
      url: "https://a.example/x",
      method: "GET",
      headers: {},
      body: null,
      statuses: null,
      outputs: {},
      caFile: null,
    });
  });

  test.each([
    ["json", "json: {a: [1, x]}", { kind: "json", value: { a: [1, "x"] } }],
    ["an empty list", "json: []", { kind: "json", value: [] }],
    ["a text", "body: 12", { kind: "text", text: "12" }],
    ["a form", "form: {a: 1, b: }", { kind: "form", fields: { a: "1", b: "" } }],
    ["a file", "file: out.csv", { kind: "file", path: "out.csv" }],
  ])("sends %s", (_, body, expected) => {
    const program = read(`${URL}, method: POST, ${body}`).jobs[0]?.tasks[0]?.program;
    expect(program).toMatchObject({ method: "POST", body: expected });
  });

  test("keeps statuses, pointers and the sources of secrets", () => {
    const { jobs, problems } = read(
      `${URL}, expect: {status: 204}, outputs: {a: /b/0, all: ""}, headers: {A: {env: B}, C: {file: d}, E: {credential: f}}, ca_file: ca.pem`,
    );
    expect(problems).toEqual([]);
    expect(jobs[0]?.tasks[0]?.program).toMatchObject({
      statuses: [204],
      outputs: { a: "/b/0", all: "" },
      headers: { A: { env: "B" }, C: { file: "d" }, E: { credential: "f" } },
      caFile: "ca.pem",
    });
  });

  test.each([
    ["no URL", "method: GET", "3:5: tasks[0].url: missing; an http task needs it"],
    ["a relative URL", "url: /x", "3:30: tasks[0].url: is not a URL; expected one such as https://example.com/path"],
    ["a URL without a scheme", "url: a.example/x", "3:30: tasks[0].url: is not a URL"],
    ["another scheme", "url: 'ftp://a/'", "3:30: tasks[0].url: has the scheme 'ftp'; expected http or https"],
    ["another scheme before a template", "url: 'file://${{ job.id }}'", "tasks[0].url: has the scheme 'file'"],
    ["a password in the URL", "url: 'https://me:pw@a/'", "tasks[0].url: contains a user name or a password"],
    ["an unknown template", "url: 'https://a/${{ params.x }}'", "tasks[0].url: there is no param 'x'"],
    ["a method in lower case", `${URL}, method: post`, "tasks[0].method: 'post' is not known; did you mean 'POST'?"],
    [
      "a body that GET can't have",
      `${URL}, json: {}`,
      "3:59: tasks[0].json: can't be sent with the method GET; expected a method such as POST",
    ],
    [
      "two bodies",
      `${URL}, method: PUT, json: 1, body: x`,
      "tasks[0].body: conflicts with another field; expected only one of json, body, form, file",
    ],
    [
      "a template in json that is unknown",
      `${URL}, method: PUT, json: {a: ["\${{ params.x }}"]}`,
      "tasks[0].json.a[0]: there is no param 'x'",
    ],
    [
      "a template in a header that is unknown",
      `${URL}, headers: {A: "\${{ params.x }}"}`,
      "tasks[0].headers.A: there is no param 'x'",
    ],
    [
      "a header that can't be set",
      `${URL}, headers: {Content-Length: 1}`,
      "tasks[0].headers.Content-Length: is set by petit",
    ],
    [
      "a header with a strange character",
      `${URL}, headers: {A: "€"}`,
      "tasks[0].headers.A: contains a character that a header cannot carry",
    ],
    ["a strange header name", `${URL}, headers: {"a b": x}`, `tasks[0].headers["a b"]: 'a b' is not a header's name`],
    [
      "a secret with two sources",
      `${URL}, headers: {A: {env: B, file: c}}`,
      "tasks[0].headers.A.file: conflicts with another field",
    ],
    [
      "a pointer without a slash",
      `${URL}, outputs: {a: data.id}`,
      "3:66: tasks[0].outputs.a: 'data.id' is not a JSON pointer; expected one that begins with '/', such as /data/id",
    ],
    [
      "a pointer with a wrong escape",
      `${URL}, outputs: {a: /x~y}`,
      "tasks[0].outputs.a: '/x~y' is not a JSON pointer; expected ~0 for '~'",
    ],
    [
      "an output with a strange name",
      `${URL}, outputs: {"a b": /x}`,
      `tasks[0].outputs["a b"]: 'a b' is not an output's name`,
    ],
    ["an impossible status", `${URL}, expect: {status: [99]}`, "tasks[0].expect.status[0]: "],
    ["an expectation of nothing", `${URL}, expect: {}`, "tasks[0].expect.status: missing; it is required"],
    [
      "arguments",
      `${URL}, args: [a]`,
      "tasks[0].args: has no effect here; an http task sends json, body, form or file",
    ],
    ["a script", `${URL}, script: x`, "tasks[0].script: is not a field of an http task; expected url, method"],
  ])("is refused with %s", (_, task, problem) => {
    const problems = problemsOf(task);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
  });
});

describe("a secret in an environment", () => {
  test.each([
    [
      "a variable with a dollar sign",
      "{env: $KEY}",
      "2:26: environment.KEY.env: is not a variable name; expected letters, digits and '_', without '$'",
    ],
    ["no source", "{}", "2:20: environment.KEY.env: missing; expected one of env, file, credential"],
    ["a misspelt source", "{enw: A}", "2:21: environment.KEY.enw: unknown field; did you mean 'env'?"],
    ["two sources", "{env: A, credential: b}", "2:29: environment.KEY.credential: conflicts with another field"],
    [
      "a credential with a path",
      "{credential: a/b}",
      "2:33: environment.KEY.credential: is not the name of a credential; expected a file name without '/'",
    ],
    ["a list", "[a]", "2:20: environment.KEY: is a list; expected a single value or a map"],
  ])("is refused with %s", (_, value, problem) => {
    const problems = problemsOf(URL, `environment: {KEY: ${value}}\n`);
    expect(problems.map((each) => each.slice(0, problem.length))).toEqual([problem]);
  });
});
