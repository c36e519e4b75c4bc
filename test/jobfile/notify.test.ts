import { describe, expect, test } from "bun:test";
import { formatProblem } from "../../src/jobfile/problem.ts";
import { readJobFile } from "../../src/jobfile/read/job-file.ts";

const TASKS = "tasks: [{id: t, type: shell, script: echo}]";

const read = (notify: string) =>
  readJobFile({ file: "f", folder: "/jobs", text: `id: j\nnotify:\n  - ${notify}\n${TASKS}` });

const problemsOf = (notify: string): readonly string[] =>
  read(notify).problems.map((problem) => formatProblem(problem).slice(2));

describe("an entry of notify", () => {
  test("has the defaults of its type", () => {
    const { jobs, problems } = read(
      "{type: webhook, url: 'https://a.example/b'}\n  - {type: healthchecks, url: {env: HC}}",
    );
    expect(problems).toEqual([]);
    const rest = { headers: {}, secret: null, timeoutMs: 10_000 };
    expect(jobs[0]?.notify).toEqual([
      { type: "webhook", url: "https://a.example/b", on: ["failure", "recovery"], ...rest },
      { type: "healthchecks", url: { env: "HC" }, on: ["started", "success", "failure", "cancelled"], ...rest },
    ]);
  });

  test("keeps all fields and the sources of secrets", () => {
    const { jobs } = read(
      "{type: webhook, url: {file: hook}, on: [missed, success], headers: {X-A: 1, X-B: {env: B}}, secret: {env: S}, timeout: 1m}",
    );
    expect(jobs[0]?.notify).toEqual([
      {
        type: "webhook",
        url: { file: "hook" },
        on: ["missed", "success"],
        headers: { "X-A": "1", "X-B": { env: "B" } },
        secret: { env: "S" },
        timeoutMs: 60_000,
      },
    ]);
  });

  test("is absent if a job has none", () => {
    const [job] = readJobFile({ file: "f", folder: "/", text: `id: j\nnotify: []\n${TASKS}` }).jobs;
    expect(job).not.toHaveProperty("notify");
  });

  test.each([
    [
      "an unknown type",
      "{type: slack, url: 'https://a'}",
      "3:12: notify[0].type: 'slack' is not known; expected one of webhook",
    ],
    [
      "a misspelt type",
      "{type: webhok, url: 'https://a'}",
      "3:12: notify[0].type: 'webhok' is not known; did you mean 'webhook'?",
    ],
    ["no type", "{url: 'https://a'}", "3:5: notify[0].type: missing; it is required"],
    ["no URL", "{type: webhook}", "3:5: notify[0].url: missing; it is required"],
    [
      "a URL that is none",
      "{type: webhook, url: a.example/b}",
      "3:26: notify[0].url: is not a URL; expected one such as https://",
    ],
    [
      "another scheme",
      "{type: webhook, url: 'ftp://a/b'}",
      "3:26: notify[0].url: has the scheme 'ftp'; expected http or https",
    ],
    [
      "a password in a URL",
      "{type: webhook, url: 'https://me:pw@a/b'}",
      "3:26: notify[0].url: contains a user name or a password",
    ],
    [
      "a variable in a URL",
      "{type: webhook, url: 'https://a/${KEY}'}",
      "3:26: notify[0].url: is used literally, so '${…}' is not expanded",
    ],
    [
      "a template in a URL",
      "{type: webhook, url: 'https://a/${{ job.id }}'}",
      "3:26: notify[0].url: is used literally",
    ],
    [
      "a URL in a list",
      "{type: webhook, url: ['https://a']}",
      "3:26: notify[0].url: is a list; expected a single value or a map",
    ],
    [
      "a URL from two places",
      "{type: webhook, url: {env: A, file: b}}",
      "3:35: notify[0].url.file: conflicts with another field",
    ],
    [
      "a URL from nowhere",
      "{type: webhook, url: {}}",
      "3:26: notify[0].url.env: missing; expected one of env, file, credential",
    ],
    [
      "a credential with a path",
      "{type: webhook, url: {credential: ../x}}",
      "3:39: notify[0].url.credential: is not the name of a credential; expected a file name without '/'",
    ],
    ["an odd variable", "{type: webhook, url: {env: $HOOK}}", "3:32: notify[0].url.env: is not a variable name"],
    [
      "an unknown event",
      "{type: webhook, url: 'https://a', on: [failed]}",
      "3:44: notify[0].on[0]: 'failed' is what a run is, not what happens to it; did you mean 'failure'?",
    ],
    [
      "a misspelt event",
      "{type: webhook, url: 'https://a', on: [recvoery]}",
      "3:44: notify[0].on[0]: 'recvoery' is not known; did you mean 'recovery'? expected one of failure, recovery,",
    ],
    [
      "an event in no list",
      "{type: webhook, url: 'https://a', on: failure}",
      "3:43: notify[0].on: is a text; expected a list",
    ],
    ["no event", "{type: webhook, url: 'https://a', on: []}", "3:43: notify[0].on: is an empty list"],
    [
      "an event twice",
      "{type: webhook, url: 'https://a', on: [missed, missed]}",
      "3:52: notify[0].on[1]: 'missed' is item 0 as well; expected each once",
    ],
    [
      "a secret that is written down",
      "{type: webhook, url: 'https://a', secret: hush}",
      "3:47: notify[0].secret: is a text; expected a map with env, file",
    ],
    [
      "a signed ping",
      "{type: healthchecks, url: 'https://a', secret: {env: A}}",
      "3:52: notify[0].secret: is not a field of a healthchecks entry",
    ],
    [
      "a ping of a recovery",
      "{type: healthchecks, url: 'https://a', on: [recovery]}",
      "3:49: notify[0].on[0]: there is no ping for 'recovery'",
    ],
    [
      "a header of petit's",
      "{type: webhook, url: 'https://a', headers: {Content-Type: x}}",
      "3:63: notify[0].headers.Content-Type: is set by petit",
    ],
    [
      "an odd header",
      "{type: webhook, url: 'https://a', headers: {'a b': x}}",
      "3:49: notify[0].headers[\"a b\"]: 'a b' is not a header's name",
    ],
    [
      "an odd header's value",
      "{type: webhook, url: 'https://a', headers: {A: \"\\u4f60\"}}",
      "3:52: notify[0].headers.A: contains a character that a header cannot carry",
    ],
    [
      "a header of two lines",
      "{type: webhook, url: 'https://a', headers: {A: \"b\\nC: d\"}}",
      "3:52: notify[0].headers.A: contains the character U+000A",
    ],
    [
      "a long timeout",
      "{type: webhook, url: 'https://a', timeout: 2m}",
      "3:48: notify[0].timeout: is too long; expected at most 1m",
    ],
    [
      "a misspelt field",
      "{type: webhook, url: 'https://a', header: {}}",
      "3:39: notify[0].header: unknown field; did you mean 'headers'?",
    ],
  ])("with %s is refused, once", (_mistake, notify, problem) => {
    const problems = problemsOf(notify);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toStartWith(problem);
  });

  test("is limited in number", () => {
    const one = "{type: webhook, url: 'https://a'}";
    expect(problemsOf(Array(20).fill(one).join("\n  - "))).toEqual([]);
    expect(problemsOf(Array(21).fill(one).join("\n  - "))).toEqual([
      "3:3: notify: has 21 entries; expected at most 20",
    ]);
  });

  test("that is invalid reveals no part of a URL, a value or a secret", () => {
    for (const notify of [
      "{type: webhook, url: 's3cret'}",
      "{type: webhook, url: 'https://s3cret:s3cret@a/s3cret'}",
      "{type: webhook, url: 'https://a/s3cret/${s3cret}'}",
      "{type: webhook, url: {env: s3cret-s3cret}}",
      `{type: webhook, url: 'https://a/${"s3cret".repeat(1000)}'}`,
      '{type: webhook, url: "https://a/s3cret\\u0007"}',
      "{type: webhook, url: 'https://a', secret: s3cret}",
      '{type: webhook, url: "https://a", headers: {A: "s3cret\\u4f60"}}',
    ]) {
      const problems = problemsOf(notify);
      expect(problems).toHaveLength(1);
      expect(problems.join()).not.toContain("s3cret");
    }
  });

  test("is valid even if its variable is not set", () => {
    expect(problemsOf("{type: webhook, url: {env: NOT_SET_ANYWHERE}, secret: {file: /not/there}}")).toEqual([]);
  });
});
