import { describe, expect, test } from "bun:test";
import { loadConfigFile } from "../../../src/app/settings/config-file.ts";
import { tempFolder } from "../../support/cli.ts";

const load = (text: string): Record<string, readonly string[]> => {
  using folder = tempFolder();
  const path = folder.write("config.yaml", text);
  return Object.fromEntries(loadConfigFile({ path, environment: {} })?.values ?? []);
};

const problemsOf = (text: string): string => {
  using folder = tempFolder();
  const path = folder.write("config.yaml", text);
  try {
    loadConfigFile({ path, environment: {} });
  } catch (error) {
    return error instanceof Error ? error.message.replaceAll(path, "config.yaml") : String(error);
  }
  throw new Error("expected an error");
};

describe("loadConfigFile", () => {
  test("returns the texts in the form of a flag's values", () => {
    const text =
      "db: /var/lib/petit.db\napi_port: 9000\napi: false\nkill_grace: 5s\nallowed_hosts: [a.example, b.example]\n";
    expect(load(text)).toEqual({
      db: ["/var/lib/petit.db"],
      api_port: ["9000"],
      api: ["false"],
      kill_grace: ["5s"],
      allowed_hosts: ["a.example", "b.example"],
    });
  });

  test("accepts the name of a flag as a key", () => {
    expect(load("no_api: true\nno_watch: false\nallowed_host: a.example\n")).toEqual({
      api: ["false"],
      watch: ["true"],
      allowed_hosts: ["a.example"],
    });
  });

  test("does not print the secret of a URL", () => {
    expect(problemsOf('jobs_git: "https://user:secret@git.example.com/x"\n')).toStartWith(
      "config.yaml:1:1: jobs_git is 'https://…@git.example.com/x'; expected ",
    );
    expect(problemsOf('nats: ["nats://a:4222", "nats://secret@b:4222/x"]\n')).toContain(
      " is 'nats://a:4222,nats://…@b:4222/x'; expected ",
    );
  });

  test("reads an empty file as no settings", () => {
    expect(load("")).toEqual({});
    expect(load("# nothing yet\n")).toEqual({});
  });

  test("reads the receivers of jobs that name none, with paths relative to the file", () => {
    using folder = tempFolder();
    const text = 'db: x\nnotify:\n  - {type: slack, url: {file: hook}}\n  - {url: "https://a.example", on: [missed]}\n';
    const path = folder.write("config.yaml", text);
    const loaded = loadConfigFile({ path, environment: {} });
    expect(Object.fromEntries(loaded?.values ?? [])).toEqual({ db: ["x"] });
    expect(loaded?.notify).toMatchObject([
      { type: "slack", url: { file: `${folder.path}/hook` }, on: ["failure", "recovery", "late", "stale", "approval"] },
      { type: "webhook", url: "https://a.example", on: ["missed"] },
    ]);
    expect(loadConfigFile({ path: folder.write("empty.yaml", "notify: []\n"), environment: {} })?.notify).toEqual([]);
  });

  test("returns the entries of a map as the flag writes them", () => {
    expect(load("queues: {db: 2, gpu: 1}\n")).toEqual({ queues: ["db=2", "gpu=1"] });
    expect(load("queue: db=2\n")).toEqual({ queues: ["db=2"] });
    expect(load("queues: {}\n")).toEqual({ queues: [] });
  });

  test("returns the limits of tasks, none without the key", () => {
    using folder = tempFolder();
    const read = (text: string) =>
      loadConfigFile({ path: folder.write("config.yaml", text), environment: {} })?.taskLimits;
    expect(read("limits: {memory: 512MiB, cpus: 0.5, io: idle}\n")).toEqual({
      memoryBytes: 512 * 2 ** 20,
      cpus: 0.5,
      io: "idle",
    });
    expect(read("max_jobs: 1\n")).toEqual({});
  });

  test("returns the settings of backups, with the folder relative to the file", () => {
    using folder = tempFolder();
    const read = (text: string) => loadConfigFile({ path: folder.write("config.yaml", text), environment: {} })?.values;
    expect(read('backup: {dir: b, at: "0 1 * * *", keep: {days: 3, weeks: 0}, artifacts: false}\n')).toEqual(
      new Map([
        ["backup_dir", [`${folder.path}/b`]],
        ["backup_at", ["0 1 * * *"]],
        ["backup_keep_days", ["3"]],
        ["backup_keep_weeks", ["0"]],
        ["backup_artifacts", ["false"]],
      ]),
    );
    expect(read("backup: {dir: /var/backups/petit}\n")).toEqual(new Map([["backup_dir", ["/var/backups/petit"]]]));
  });

  test("returns the heartbeat, with the paths of secrets relative to the file", () => {
    using folder = tempFolder();
    const read = (text: string) => {
      const loaded = loadConfigFile({ path: folder.write("config.yaml", text), environment: {} });
      return loaded?.heartbeat?.heartbeat;
    };
    expect(read('heartbeat: {url: "https://hc.example/x"}\n')).toEqual({
      url: "https://hc.example/x",
      everyMs: 60_000,
    });
    expect(read("heartbeat: {url: {file: hc.url}, every: 5m}\n")).toEqual({
      url: { file: `${folder.path}/hc.url` },
      everyMs: 300_000,
    });
    expect(read("db: x\n")).toBeUndefined();
  });

  const wrong: readonly (readonly [string, string])[] = [
    ["queues:\n  db: 2\n  gpu: 0\n", "config.yaml:3:3: queues.gpu is '0'; expected NAME: N, with a name of letters"],
    ["queues: {db: [1]}\n", "config.yaml:1:10: queues.db is a list; expected NAME: N"],
    ["queues: {a b: 1}\n", "config.yaml:1:10: queues.a b is '1'; expected NAME: N"],
    ["queues: {db: 1, db: 2}\n", "config.yaml:1:17: queues.db: given twice"],
    ["queues: [db]\n", "config.yaml:1:1: queues: expected NAME: N"],
    ["queues: 2\n", "config.yaml:1:1: queues is '2'; expected NAME: N"],
    ["queus: {db: 1}\n", "unknown setting 'queus'; did you mean 'queues'?"],
    ["db: x\napi_prot: 1\n", "config.yaml:2:1: unknown setting 'api_prot'; did you mean 'api_port'?"],
    ["qqq: 1\n", "config.yaml:1:1: unknown setting 'qqq'; expected one of db, url"],
    ["api_port: x\n", "config.yaml:1:1: api_port is 'x'; expected a whole number"],
    ["api_port:\n", "config.yaml:1:1: api_port: expected a whole number"],
    ["db: [a, b]\n", "db: expected a file"],
    ["db: a\ndb: b\n", "config.yaml:2:1: db: given twice"],
    ["api: true\nno_api: true\n", "config.yaml:2:1: no_api: api is already set; expected each setting once"],
    ["no_api: maybe\n", "config.yaml:1:1: no_api is 'maybe'; expected true or false"],
    ["no_ap: true\n", "unknown setting 'no_ap'; did you mean 'no_api'?"],
    [
      "db: a\nnotify: [{type: slakc}]\n",
      "config.yaml:2:17: notify[0].type: 'slakc' is not known; did you mean 'slack'?",
    ],
    ["notify: [{type: slack}]\n", "config.yaml:1:10: notify[0].url: missing; a slack entry needs it"],
    ['digest: {at: "0 8 * * mon"}\n', "config.yaml:1:1: digest.to: missing; expected receivers, here or in notify"],
    ["digest: {to: {type: slack}}\n", "config.yaml:1:14: digest.to[0].url: missing; a slack entry needs it"],
    ["heartbeat: x\n", "config.yaml:1:12: heartbeat: is a text; expected a map"],
    ["heartbeat: {every: 1m}\n", "config.yaml:1:12: heartbeat.url: missing"],
    ['heartbeat: {url: "ftp://x/y"}\n', "config.yaml:1:12: heartbeat.url: is not a URL of http or https"],
    ['heartbeat: {url: "https://x", every: 1ms}\n', "config.yaml:1:38: heartbeat.every: "],
    ['heartbeat: {url: "https://x", evry: 1m}\n', "config.yaml:1:31: heartbeat.evry: "],
    ["backup: /b\n", "config.yaml:1:9: backup: is a text; expected a map"],
    ["backup: {at: 0 1 * * *}\n", "backup.dir: missing"],
    ['backup: {dir: b, at: "61 * * * *"}\n', "config.yaml:1:22: backup.at: '61 * * * *' is not a schedule"],
    ['backup: {dir: b, at: "@reboot"}\n', "config.yaml:1:22: backup.at: expected a time"],
    ["backup: {dir: b, keep: {days: 0}}\n", "config.yaml:1:31: backup.keep.days: 0 is out of bounds"],
    ["backup: {dri: b}\n", "config.yaml:1:10: backup.dri: unknown field; did you mean 'dir'?"],
    ["backup: {dir: b}\nbackup_dir: c\n", "config.yaml:2:1: backup_dir: backup_dir is already set"],
    ["limits: 512MiB\n", "config.yaml:1:9: limits: is a text; expected a map"],
    ["limits: {memory: 1KiB}\n", "config.yaml:1:18: limits.memory: '1KiB' is too small; expected at least 4MiB"],
    ["limits: {memroy: 1GiB}\n", "config.yaml:1:10: limits.memroy: unknown field; did you mean 'memory'?"],
    ["limit: {memory: 1GiB}\n", "config.yaml:1:1: unknown setting 'limit'; did you mean 'limits'?"],
    ["heartbaet: {url: x}\n", "config.yaml:1:1: unknown setting 'heartbaet'; did you mean 'heartbeat'?"],
    ["notify: x\n", "config.yaml:1:9: notify: is a text; expected a list"],
    ["notfiy: []\n", "config.yaml:1:1: unknown setting 'notfiy'; did you mean 'notify'?"],
    ["- db\n", "config.yaml:1:1: expected a map of settings"],
    ["db: a\n---\ndb: b\n", "several documents; expected one"],
    ["db: [\n", "config.yaml:"],
  ];
  test.each(wrong)("refuses %j", (text, message) => {
    expect(problemsOf(text)).toContain(message);
  });

  test("reports all problems at once", () => {
    expect(problemsOf("api_prot: 1\nwathc: true\n").split("\n")).toHaveLength(2);
  });

  test("loads the file that PETIT_CONFIG names, otherwise the user's", () => {
    using folder = tempFolder();
    const own = folder.write("own.yaml", "db: own\n");
    const user = folder.write("xdg/petit/config.yaml", "db: user\n");
    const environment = { XDG_CONFIG_HOME: `${folder.path}/xdg`, HOME: folder.path };
    expect(loadConfigFile({ path: null, environment })?.path).toBe(user);
    expect(loadConfigFile({ path: null, environment: { ...environment, PETIT_CONFIG: own } })?.path).toBe(own);
    expect(loadConfigFile({ path: user, environment: { ...environment, PETIT_CONFIG: own } })?.path).toBe(user);
  });

  test("requires a named file to exist", () => {
    expect(() => loadConfigFile({ path: "/nowhere/petit.yaml", environment: {} })).toThrow("can't be read");
  });

  test("names the flag or variable of an unreadable file", () => {
    const missing = "/nowhere/petit.yaml";
    expect(() => loadConfigFile({ path: missing, environment: {} })).toThrow(
      `the configuration file ${missing} (--config) can't be read: ENOENT`,
    );
    expect(() => loadConfigFile({ path: null, environment: { PETIT_CONFIG: missing } })).toThrow(
      `the configuration file ${missing} (PETIT_CONFIG) can't be read: ENOENT`,
    );
  });
});
