import { describe, expect, test } from "bun:test";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { API_GUARDS } from "../scripts/guards/guards-api.ts";
import { FILE_GUARDS } from "../scripts/guards/guards-files.ts";
import { TASK_GUARDS } from "../scripts/guards/guards-tasks.ts";

const ROOT = join(import.meta.dirname, "..");

/** The rooms that each room may import from. Only main imports an implementation of `runtime`; the others import its interface. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  main: ["cli", "lib", "runtime"],
  cli: [
    "mcp",
    "client",
    "app",
    "auth",
    "nats",
    "worker",
    "api",
    "engine",
    "search",
    "store",
    "jobfile",
    "domain",
    "lib",
    "runtime",
  ],
  app: [
    "mcp",
    "api",
    "auth",
    "search",
    "web",
    "nats",
    "worker",
    "engine",
    "store",
    "jobfile",
    "domain",
    "lib",
    "runtime",
  ],
  api: ["auth", "search", "engine", "store", "jobfile", "domain", "lib", "runtime"],
  mcp: ["client", "jobfile", "domain", "lib"],
  client: ["api", "domain", "lib"],
  web: ["client", "api", "domain", "lib"],
  nats: ["worker", "engine", "domain", "lib"],
  worker: ["engine", "store", "jobfile", "domain", "lib", "runtime"],
  engine: ["store", "jobfile", "domain", "lib", "runtime"],
  auth: ["store", "domain", "lib", "runtime"],
  search: ["store", "domain", "lib", "runtime"],
  store: ["domain", "lib", "runtime"],
  jobfile: ["domain", "lib"],
  domain: ["lib"],
  lib: [],
  runtime: ["lib"],
};

/** The path prefixes of the files that may import each dependency. */
const OWNERS: Readonly<Record<string, readonly string[]>> = {
  "#runtime": ["src/main.ts"],
  citty: ["src/cli/"],
  elysia: ["src/api/"],
  "openid-client": ["src/auth/provider/openid.ts"],
  "eventsource-parser": ["src/client/event-stream.ts"],
  "@elysiajs/cors": ["src/api/"],
  pino: ["src/app/logger.ts"],
  "pino-pretty": ["src/app/logger.ts"],
  "prom-client": ["src/api/metrics/metrics.ts", "src/api/metrics/process.ts"],
  yaml: ["src/jobfile/parse/parse.ts", "src/jobfile/write-job.ts"],
  croner: ["src/domain/schedule"],
  "@sinclair/typebox": ["src/domain/workers/protocol.ts"],
  "@sinclair/typebox/compiler": ["src/domain/workers/protocol.ts"],
  "@actions/expressions": ["src/jobfile/expression/"],
  "@nats-io/transport-node": ["src/nats/"],
  "@nats-io/jetstream": ["src/nats/"],
  "@nats-io/obj": ["src/nats/"],
  diff: ["src/api/comparison/"],
  "@modelcontextprotocol/sdk": ["src/mcp/"],
  picomatch: ["src/domain/artifact/pattern.ts"],
  nodemailer: ["src/engine/notify/services/email.ts"],
  "range-parser": ["src/api/artifacts/"],
  re2js: ["src/domain/params/pattern", "src/domain/search/search-pattern.ts"],
  ink: ["src/cli/top/"],
  react: ["src/web/", "src/cli/top/"],
  "react-dom": ["src/web/main.tsx"],
  wouter: ["src/web/"],
  "@tanstack/react-query": ["src/web/"],
  "@tanstack/react-virtual": ["src/web/"],
  "@xyflow/react": ["src/web/graph/"],
  "@dagrejs/dagre": ["src/web/graph/"],
  "@codemirror/autocomplete": ["src/web/edit/editor/"],
  "@codemirror/commands": ["src/web/edit/editor/"],
  "@codemirror/lang-yaml": ["src/web/edit/editor/"],
  "@codemirror/language": ["src/web/edit/editor/"],
  "@codemirror/lint": ["src/web/edit/editor/"],
  "@codemirror/search": ["src/web/edit/editor/"],
  "@codemirror/state": ["src/web/edit/editor/"],
  "@codemirror/view": ["src/web/edit/editor/"],
  "@lezer/highlight": ["src/web/edit/editor/"],
  cronstrue: ["src/web/"],
  anser: ["src/web/log/"],
  lowlight: ["src/web/job/"],
  "highlight.js": ["src/web/job/"],
};

/** Files outside of src that a file or room may import. The build generates the page. */
const OUTSIDE_IMPORTS: Readonly<Record<string, string>> = {
  "src/app/page.ts": "dist/web/page.txt",
  main: "package.json",
};

/** The rooms whose tests scripts/test-deno runs. */
const SHARED_ROOMS = ["runtime", "domain", "lib", "jobfile", "engine", "store", "auth", "search", "app", "api", "mcp"];

/**
 * Exported types that several files declare, each with its reason. Everything else has one meaning in the whole tree, the data of the page
 * included.
 */
const SHARED_TYPE_NAMES: Readonly<Record<string, string>> = {
  Line: "a line of waiting runs, and a line of the screen of petit top",
  Message: "what people are told, and a message of the Elm architecture in petit top",
};

/** The files that may pass on a bag of options with a spread. */
const SPREADS_BAGS: readonly string[] = [
  // A value of its own with the real path of a folder.
  "src/engine/attempt/run-attempt.ts",
];

/** A folder of src has at most this many files at one level. */
const MAX_FILES_IN_FOLDER = 20;

type Import = {
  readonly file: string;
  readonly target: string;
  readonly typeOnly: boolean;
  readonly isDynamic: boolean;
};

const sources = globSync("src/**/*.{ts,tsx}", { cwd: ROOT }).sort();

const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");

const importsOf = (file: string): readonly Import[] =>
  [...read(file).matchAll(/^(?:import|export)\s+(type\s)?(?:[^"';]*?from\s+)?"([^"]+)"|import\("([^"]+)"\)/gm)].map(
    ([, type, target, dynamic]) => ({
      file,
      target: target ?? dynamic ?? "",
      typeOnly: type !== undefined,
      isDynamic: target === undefined,
    }),
  );

const imports = sources.flatMap(importsOf);

const roomOf = (path: string): string => {
  const [, room = ""] = path.split("/");
  return room.replace(/\.ts$/, "");
};

/** Returns true for files that are part of the page. */
const isPage = (file: string): boolean => ["web", "client"].includes(roomOf(file));

const targetPath = ({ file, target }: Import): string => relative(ROOT, join(ROOT, dirname(file), target));

const named = ({ file, target }: Import): string => `${file} imports ${target}`;

test("every guard that scripts/mutate-guards removes occurs exactly once in its file", () => {
  const places = [...API_GUARDS, ...TASK_GUARDS, ...FILE_GUARDS].map(({ against, file, from }) => ({
    against,
    places: readFileSync(join(ROOT, "src", file), "utf8").split(from).length - 1,
  }));
  expect(places.filter((guard) => guard.places !== 1)).toEqual([]);
});

test("scripts/test runs the tests of every folder, and not only under Deno", () => {
  const scripts = ["test", "coverage", "test-vm"].map((name) => read(`scripts/${name}`)).join("\n");
  const folders = new Set(
    globSync("test/**/*.test.{ts,tsx}", { cwd: ROOT }).map((file) => file.split("/").slice(0, 2).join("/")),
  );
  expect(folders.size).toBeGreaterThan(10);
  const forgotten = [...folders].filter((folder) => !new RegExp(`${folder}(?![\\w/])`).test(scripts));
  // Those of this folder are about Deno.
  expect(forgotten.filter((folder) => folder !== "test/deno")).toEqual([]);
});

describe("the source", () => {
  test("is found by these tests", () => {
    expect(sources.length).toBeGreaterThan(20);
    expect(imports.length).toBeGreaterThan(50);
  });

  test("imports only in the allowed directions between rooms", () => {
    const local = imports.filter(({ target }) => target.startsWith("."));
    const wrong = local.filter((each) => {
      const from = roomOf(each.file);
      const to = roomOf(targetPath(each));
      const outside = !targetPath(each).startsWith("src/");
      if (outside) return targetPath(each) !== (OUTSIDE_IMPORTS[each.file] ?? OUTSIDE_IMPORTS[from]);
      return from !== to && !(MAY_IMPORT[from] ?? []).includes(to);
    });
    expect(wrong.map(named)).toEqual([]);
  });

  test("imports what the table in ARCHITECTURE.md allows, which is the same", () => {
    const [, table = ""] = read("ARCHITECTURE.md").split("<!-- tested: imports -->");
    const rows = [...table.matchAll(/^\| `src\/(\w+)(?:\/|\.ts)` \| (.+) \|$/gm)].slice(
      0,
      Object.keys(MAY_IMPORT).length,
    );
    const allowed = rows.map(([, room = "", text = ""]) => [room, text.match(/\w+(?= \(|,|$)/g)?.sort()]);
    const nothing = (rooms: readonly string[]): readonly string[] => (rooms.length === 0 ? ["nothing"] : rooms);
    expect(Object.fromEntries(allowed)).toEqual(
      Object.fromEntries(Object.entries(MAY_IMPORT).map(([room, rooms]) => [room, nothing(rooms).toSorted()])),
    );
  });

  test("imports an implementation of the runtime only in main", () => {
    const wrong = imports.filter((each) => {
      const to = targetPath(each);
      return (
        to.startsWith("src/runtime/") &&
        to !== "src/runtime/runtime.ts" &&
        !/^src\/(main\.ts|runtime\/)/.test(each.file)
      );
    });
    expect(wrong.map(named)).toEqual([]);
  });

  test("imports only types from the API into the dashboard and the client", () => {
    const wrong = imports.filter((each) => isPage(each.file) && roomOf(targetPath(each)) === "api");
    expect(wrong.filter(({ typeOnly }) => !typeOnly).map(named)).toEqual([]);
  });

  test("imports no Node or Bun module into the dashboard or the client", () => {
    const wrong = imports.filter((each) => isPage(each.file) && /^(node|bun):/.test(each.target));
    expect(wrong.map(named)).toEqual([]);
  });

  test("imports each dependency only in the files that own it", () => {
    const outside = imports.filter(({ target }) => !target.startsWith(".") && !/^(node|bun):/.test(target));
    const wrong = outside.filter(({ file, target }) => {
      const name = target
        .split("/")
        .slice(0, target.startsWith("@") ? 2 : 1)
        .join("/");
      return !(OWNERS[name] ?? []).some((owner) => file.startsWith(owner));
    });
    expect(wrong.map(named)).toEqual([]);
  });

  test("loads the client of NATS only by dynamic imports, which petit needs only with --nats", () => {
    const files = sources.filter((file) => !file.startsWith("src/nats/"));
    const staticImports = files
      .flatMap(importsOf)
      .filter(({ typeOnly, isDynamic, target }) => !typeOnly && !isDynamic && target.startsWith("."));
    const loading = staticImports.filter((each) => targetPath(each).startsWith("src/nats/")).map(({ file }) => file);
    expect([...new Set(loading)]).toEqual(["src/app/remote-workers.ts"]);
    const importers = staticImports.filter((each) => loading.includes(targetPath(each)));
    expect(importers.map(named)).toEqual([]);
  });

  test("has no import cycles", () => {
    const cycles = cyclesOf(new Map(sources.map((file) => [file, importsOf(file).map(targetPath)])));
    expect(cycles).toEqual([]);
  });

  test("has no crowded folders", () => {
    const folders = Map.groupBy(sources, dirname);
    const crowded = [...folders].filter(([, files]) => files.length > MAX_FILES_IN_FOLDER);
    expect(crowded.map(([folder, files]) => `${folder} has ${files.length} files`)).toEqual([]);
  });

  test("declares each exported type in one file", () => {
    const names = sources.flatMap((file) =>
      [...read(file).matchAll(/^export type (\w+)/gm)].map(([, name = ""]) => name),
    );
    const shared = [...Map.groupBy(names, (name) => name)].filter(([, all]) => all.length > 1).map(([name]) => name);
    expect(shared.sort()).toEqual(Object.keys(SHARED_TYPE_NAMES).sort());
  });

  test("passes named parts to other modules, and no bags of options", () => {
    // `...options`, `...this.#options`, `...parts`, `...context`, but not in a list.
    const bag = /(?<!\[)\.\.\.(?:this\.#?)?(?:\w+\.)*(?:\w*[oO]ptions|parts|context|services)(?=[\s,})])/;
    const spreading = sources.filter((file) => bag.test(withoutComments(read(file))));
    const isAllowed = (file: string): boolean => SPREADS_BAGS.some((allowed) => file.startsWith(allowed));
    expect(spreading.filter((file) => !isAllowed(file))).toEqual([]);
    const unused = SPREADS_BAGS.filter((allowed) => !spreading.some((file) => file.startsWith(allowed)));
    expect(unused).toEqual([]);
  });

  test("names Bun and Deno only in runtime", () => {
    const wrong = sources.filter(
      (file) => !file.startsWith("src/runtime/") && /\b(Bun|Deno)\.|"bun:|from "bun"/.test(withoutComments(read(file))),
    );
    expect(wrong).toEqual([]);
  });

  test("does not name Bun in tests that also run under Deno", () => {
    const shared = globSync(`test/{${SHARED_ROOMS.join()}}/**/*.ts`, { cwd: ROOT });
    expect(shared.length).toBeGreaterThan(100);
    const wrong = shared.filter((file) =>
      /\bBun\.|"bun:(?!test")|\/bun\.ts"|import\.meta\.(dir|path)\b/.test(withoutComments(read(file))),
    );
    expect(wrong).toEqual([]);
  });

  test("does no I/O and reads no clock in the domain", () => {
    const wrong = sources.filter(
      (file) =>
        file.startsWith("src/domain/") &&
        /"node:|Date\.now|new Date\(\)|performance\./.test(withoutComments(read(file))),
    );
    expect(wrong).toEqual([]);
  });

  test("exits the process only in main", () => {
    const wrong = sources.filter(
      (file) => file !== "src/main.ts" && /process\.exit\(/.test(withoutComments(read(file))),
    );
    expect(wrong).toEqual([]);
  });

  test("fetches only in the client and in the runtime", () => {
    const fetching = sources.filter((file) => /(?<![.\w])fetch\(/.test(withoutComments(read(file))));
    expect(fetching).toEqual(["src/client/client.ts", "src/runtime/bun.ts", "src/runtime/deno.ts"]);
  });

  test("has no 'any', no default exports and no file names without a subject", () => {
    const isUnspecific = (file: string): boolean => /\/(types|utils?|helpers?|index|manager|service)\.tsx?$/.test(file);
    expect(sources.filter((file) => isUnspecific(file) && !file.startsWith("src/cli/commands/"))).toEqual([]);
    expect(sources.filter((file) => /(:|<|as) any\b/.test(withoutComments(read(file))))).toEqual([]);
    expect(sources.filter((file) => /^export default/m.test(read(file)) && !file.endsWith(".d.ts"))).toEqual([]);
  });
});

/** Returns one cycle for each group of files that import each other, type-only imports included. */
const cyclesOf = (targets: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] => {
  const cycles: (readonly string[])[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start !== -1) cycles.push([...path.slice(start), file]);
    if (start !== -1 || done.has(file)) return;
    for (const target of targets.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of targets.keys()) visit(file, []);
  return cycles;
};

const withoutComments = (text: string): string => text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
