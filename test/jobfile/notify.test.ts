import { describe, expect, test } from "bun:test";
import { defaultEvents } from "../../src/domain/notification.ts";
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
      { type: "webhook", url: "https://a.example/b", on: ["failure", "recovery", "stale"], ...rest },
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

  test("is a webhook unless it says otherwise", () => {
    expect(read("{url: 'https://a.example/b'}").jobs[0]?.notify).toMatchObject([{ type: "webhook" }]);
  });

  test("can be a message to people", () => {
    const common = { on: defaultEvents("slack"), timeoutMs: 10_000 };
    const { jobs, problems } = read(`{type: slack, url: {env: SLACK}}
  - {type: discord, url: 'https://a.example/b'}
  - {type: teams, url: {file: teams}}
  - {type: ntfy, url: 'https://ntfy.sh/topic', token: {env: NTFY}}
  - {type: telegram, token: {env: BOT}, chat: -100123}
  - {type: matrix, url: 'https://m.example', token: {env: BOT}, room: '!a:m.example'}
  - {type: email, host: smtp.example.com, from: a@b.example, to: Ops <c@d.example>}
  - {type: email, host: h, port: 2525, tls: tls, user: u, password: {env: P}, ca_file: ca.pem, from: a@b.example, to: [c@d.example]}`);
    expect(problems).toEqual([]);
    expect(jobs[0]?.notify).toEqual([
      { ...common, type: "slack", url: { env: "SLACK" } },
      { ...common, type: "discord", url: "https://a.example/b" },
      { ...common, type: "teams", url: { file: "teams" } },
      { ...common, type: "ntfy", url: "https://ntfy.sh/topic", token: { env: "NTFY" } },
      { ...common, type: "telegram", url: "https://api.telegram.org", token: { env: "BOT" }, chat: "-100123" },
      { ...common, type: "matrix", url: "https://m.example", token: { env: "BOT" }, room: "!a:m.example" },
      {
        ...common,
        type: "email",
        host: "smtp.example.com",
        port: 587,
        tls: "starttls",
        user: null,
        password: null,
        from: "a@b.example",
        to: ["Ops <c@d.example>"],
        caFile: null,
      },
      {
        ...common,
        type: "email",
        host: "h",
        port: 2525,
        tls: "tls",
        user: "u",
        password: { env: "P" },
        from: "a@b.example",
        to: ["c@d.example"],
        caFile: "ca.pem",
      },
    ]);
  });

  test("is absent if a job has no list, which differs from an empty one", () => {
    const readJob = (text: string) => readJobFile({ file: "f", folder: "/", text: `id: j\n${text}${TASKS}` }).jobs[0];
    expect(readJob("")).not.toHaveProperty("notify");
    expect(readJob("notify: []\n")).toMatchObject({ notify: [] });
  });

  test.each([
    [
      "an unknown type",
      "{type: carrier_pigeon, url: 'https://a'}",
      "3:12: notify[0].type: 'carrier_pigeon' is not known; expected one of webhook, healthchecks, email, slack,",
    ],
    [
      "a misspelt type",
      "{type: webhok, url: 'https://a'}",
      "3:12: notify[0].type: 'webhok' is not known; did you mean 'webhook'?",
    ],
    ["no URL", "{type: webhook}", "3:5: notify[0].url: missing; a webhook entry needs it"],
    ["no URL and no type", "{on: [failure]}", "3:5: notify[0].url: missing; a webhook entry needs it"],
    [
      "headers of a message",
      "{type: slack, url: 'https://a', headers: {A: b}}",
      "3:46: notify[0].headers: is not a field of a slack entry; expected url, on, timeout",
    ],
    [
      "a URL of an email",
      "{type: email, url: 'https://a'}",
      "3:24: notify[0].url: is not a field of an email entry; expected host, from, to, port, tls,",
    ],
    [
      "no server",
      "{type: email, from: a@b.example, to: c@d.example}",
      "3:5: notify[0].host: missing; an email entry needs it",
    ],
    [
      "a header in an address",
      '{type: email, host: h, to: c@d.example, from: "a@b.example\\nBcc: e@f.example"}',
      "3:51: notify[0].from: contains the character U+000A",
    ],
    [
      "a list of addresses in a text",
      "{type: email, host: h, from: a@b.example, to: 'c@d.example, e@f.example'}",
      "3:51: notify[0].to: 'c@d.example, e@f.example' is not an email address",
    ],
    [
      "a password without a user",
      "{type: email, host: h, from: a@b.example, to: c@d.example, password: {env: A}}",
      "3:5: notify[0].user: missing; password needs it",
    ],
    [
      "a password that is written down",
      "{type: email, host: h, from: a@b.example, to: c@d.example, user: u, password: hush}",
      "3:83: notify[0].password: is a text; expected a map with env, file",
    ],
    [
      "a password without encryption",
      "{type: email, host: h, tls: none, from: a@b.example, to: c@d.example, user: u, password: {env: A}}",
      "3:33: notify[0].tls: would send the password unencrypted; expected starttls or tls",
    ],
    ["no topic", "{type: ntfy, url: 'https://ntfy.sh'}", "3:23: notify[0].url: names no topic; expected one such as"],
    ["no chat", "{type: telegram, token: {env: A}}", "3:5: notify[0].chat: missing; a telegram entry needs it"],
    [
      "an odd chat",
      "{type: telegram, token: {env: A}, chat: 'my chat'}",
      "3:45: notify[0].chat: 'my chat' is not a chat",
    ],
    [
      "no room",
      "{type: matrix, url: 'https://a', token: {env: A}}",
      "3:5: notify[0].room: missing; a matrix entry needs it",
    ],
    [
      "the address of a room",
      "{type: matrix, url: 'https://a', token: {env: A}, room: '#ops:a'}",
      "3:61: notify[0].room: '#ops:a' is not the id of a room, such as \"!abc:example.com\"",
    ],
    [
      "a link to a room",
      "{type: matrix, url: 'https://matrix.to/#/!b:a', token: {env: A}, room: '!b:a'}",
      "3:25: notify[0].url: is not that of a homeserver; expected one such as https://matrix.example.com",
    ],
    [
      "a token that is written down",
      "{type: matrix, url: 'https://a', token: hush, room: '!b:a'}",
      "3:45: notify[0].token: is a text; expected a map with env, file",
    ],
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
      "3:52: notify[0].secret: is not a field of a healthchecks entry; expected url, headers, on, timeout",
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
