import { describe, expect, test } from "bun:test";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { API_GUARDS } from "../scripts/guards/guards-api.ts";
import { FILE_GUARDS } from "../scripts/guards/guards-files.ts";
import { TASK_GUARDS } from "../scripts/guards/guards-tasks.ts";

const ROOT = join(import.meta.dirname, "..");

/** Rooms that a room may import from. `runtime` stands for its contract alone; what it is made of is main's to choose. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  main: ["cli", "lib", "runtime"],
  cli: ["app", "api", "engine", "store", "jobfile", "domain", "lib", "runtime"],
  app: ["api", "web", "engine", "store", "jobfile", "domain", "lib", "runtime"],
  api: ["engine", "store", "jobfile", "domain", "lib", "runtime"],
  web: ["api", "domain", "lib"],
  engine: ["store", "jobfile", "domain", "lib", "runtime"],
  store: ["domain", "lib", "runtime"],
  jobfile: ["domain", "lib"],
  domain: ["lib"],
  lib: [],
  runtime: ["lib"],
};

/** Who may use a dependency: files by the beginning of their path. */
const OWNERS: Readonly<Record<string, readonly string[]>> = {
  "#runtime": ["src/main.ts"],
  citty: ["src/cli/"],
  elysia: ["src/api/"],
  "@elysiajs/cors": ["src/api/"],
  pino: ["src/app/logger.ts"],
  "pino-pretty": ["src/app/logger.ts"],
  "prom-client": ["src/api/metrics/metrics.ts", "src/api/metrics/process.ts"],
  yaml: ["src/jobfile/parse/parse.ts"],
  croner: ["src/domain/schedule"],
  re2js: ["src/domain/pattern"],
  react: ["src/web/"],
  "react-dom": ["src/web/main.tsx"],
  wouter: ["src/web/"],
  "@tanstack/react-query": ["src/web/"],
  "@tanstack/react-virtual": ["src/web/"],
  "@elysiajs/eden": ["src/web/data/client.ts"],
  "@xyflow/react": ["src/web/graph/"],
  "@dagrejs/dagre": ["src/web/graph/"],
  cronstrue: ["src/web/"],
  anser: ["src/web/log/"],
  lowlight: ["src/web/job/"],
  "highlight.js": ["src/web/job/"],
};

/** What is made when petit is built, and who takes it in. */
const MADE: Readonly<Record<string, string>> = { "src/app/page.ts": "dist/web/page.txt", main: "package.json" };

/** Whose tests scripts/test-deno runs. */
const SHARED_ROOMS = ["runtime", "domain", "lib", "jobfile", "engine", "store", "app", "api"];

type Import = { readonly file: string; readonly target: string; readonly typeOnly: boolean };

const sources = globSync("src/**/*.{ts,tsx}", { cwd: ROOT }).sort();

const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");

const importsOf = (file: string): readonly Import[] =>
  [...read(file).matchAll(/^(?:import|export)\s+(type\s)?(?:[^"';]*?from\s+)?"([^"]+)"|import\("([^"]+)"\)/gm)].map(
    ([, type, target, dynamic]) => ({ file, target: target ?? dynamic ?? "", typeOnly: type !== undefined }),
  );

const imports = sources.flatMap(importsOf);

const roomOf = (path: string): string => {
  const [, room = ""] = path.split("/");
  return room.replace(/\.ts$/, "");
};

const targetPath = ({ file, target }: Import): string => relative(ROOT, join(ROOT, dirname(file), target));

const named = ({ file, target }: Import): string => `${file} imports ${target}`;

test("each guard that scripts/mutate-guards takes away stands where it is said to", () => {
  const places = [...API_GUARDS, ...TASK_GUARDS, ...FILE_GUARDS].map(({ against, file, from }) => ({
    against,
    places: readFileSync(join(ROOT, "src", file), "utf8").split(from).length - 1,
  }));
  expect(places.filter((guard) => guard.places !== 1)).toEqual([]);
});

describe("the house", () => {
  test("has files to look at", () => {
    expect(sources.length).toBeGreaterThan(20);
    expect(imports.length).toBeGreaterThan(50);
  });

  test("lets rooms import one way only", () => {
    const local = imports.filter(({ target }) => target.startsWith("."));
    const wrong = local.filter((each) => {
      const from = roomOf(each.file);
      const to = roomOf(targetPath(each));
      const outside = !targetPath(each).startsWith("src/");
      if (outside) return targetPath(each) !== (MADE[each.file] ?? MADE[from]);
      return from !== to && !(MAY_IMPORT[from] ?? []).includes(to);
    });
    expect(wrong.map(named)).toEqual([]);
  });

  test("lets only main choose the runtime", () => {
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

  test("lets the dashboard take only types from the API", () => {
    const wrong = imports.filter((each) => roomOf(each.file) === "web" && roomOf(targetPath(each)) === "api");
    expect(wrong.filter(({ typeOnly }) => !typeOnly).map(named)).toEqual([]);
  });

  test("lets the dashboard name nothing that a browser doesn't have", () => {
    const wrong = imports.filter((each) => roomOf(each.file) === "web" && /^(node|bun):/.test(each.target));
    expect(wrong.map(named)).toEqual([]);
  });

  test("gives each dependency one owner", () => {
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

  test("names Bun and Deno in runtime alone", () => {
    const wrong = sources.filter(
      (file) => !file.startsWith("src/runtime/") && /\b(Bun|Deno)\.|"bun:|from "bun"/.test(withoutComments(read(file))),
    );
    expect(wrong).toEqual([]);
  });

  test("has tests that Deno runs, too, name nothing of Bun's", () => {
    const shared = globSync(`test/{${SHARED_ROOMS.join()}}/**/*.ts`, { cwd: ROOT });
    expect(shared.length).toBeGreaterThan(100);
    const wrong = shared.filter((file) =>
      /\bBun\.|"bun:(?!test")|\/bun\.ts"|import\.meta\.(dir|path)\b/.test(withoutComments(read(file))),
    );
    expect(wrong).toEqual([]);
  });

  test("does no I/O in the domain, and asks it for no time", () => {
    const wrong = sources.filter(
      (file) =>
        file.startsWith("src/domain/") &&
        /"node:|Date\.now|new Date\(\)|performance\./.test(withoutComments(read(file))),
    );
    expect(wrong).toEqual([]);
  });

  test("ends the process in main alone", () => {
    const wrong = sources.filter(
      (file) => file !== "src/main.ts" && /process\.exit\(/.test(withoutComments(read(file))),
    );
    expect(wrong).toEqual([]);
  });

  test("asks other machines for something in one place, and petit itself in the command line and the page", () => {
    const asks = sources.filter((file) => /(?<![.\w])fetch\(/.test(withoutComments(read(file))));
    expect(asks.filter((file) => !/^src\/(cli|web)\//.test(file))).toEqual(["src/engine/notify/send.ts"]);
  });

  test("has no room for any, barrels or files without a noun", () => {
    const isUnspecific = (file: string): boolean => /\/(types|utils?|helpers?|index|manager|service)\.tsx?$/.test(file);
    expect(sources.filter((file) => isUnspecific(file) && !file.startsWith("src/cli/commands/"))).toEqual([]);
    expect(sources.filter((file) => /(:|<|as) any\b/.test(withoutComments(read(file))))).toEqual([]);
    expect(sources.filter((file) => /^export default/m.test(read(file)) && !file.endsWith(".d.ts"))).toEqual([]);
  });
});

const withoutComments = (text: string): string => text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
