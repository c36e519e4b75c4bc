import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import manifest from "../../../package.json" with { type: "json" };
import { tempFolder } from "../../support/cli.ts";

const ROOT = join(import.meta.dir, "../../..");

const packaging = (script: string, ...args: readonly string[]): string => {
  const { stdout, stderr, exitCode } = Bun.spawnSync([
    process.execPath,
    join(ROOT, "scripts/packaging", script),
    ...args,
  ]);
  if (exitCode !== 0) throw new Error(`${script}: ${stderr}`);
  return stdout.toString();
};

type Component = {
  readonly name: string;
  readonly version: string;
  readonly "bom-ref": string;
  readonly hashes?: readonly { readonly content: string }[];
};

type Dependency = { readonly dependsOn: readonly string[] };

/** Returns the name of a package that a package URL names. */
const nameOf = (ref: string): string => decodeURIComponent(ref.replace(/^pkg:npm\//, "").replace(/@[^@]*$/, ""));

test("the bill of materials lists all packages of the executable, and no development packages", () => {
  const bom = JSON.parse(packaging("sbom.ts", "1.2.3", "2026-01-01T00:00:00Z"));
  expect(bom).toMatchObject({
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    metadata: { component: { version: "1.2.3" } },
  });
  const components: readonly Component[] = bom.components;
  const named = new Map(components.map(({ name, version }) => [name, version]));
  const ids = components.map(({ name, version }) => `${name} ${version}`);
  expect(ids).toEqual(expect.arrayContaining(Object.entries(manifest.dependencies).map((each) => each.join(" "))));
  expect(named.get("bun")).toBe(Bun.version);
  expect(named.get("@sinclair/typebox")).toMatch(/^\d/);
  // A package that tests use can also be one that another package of the executable needs.
  const needed = new Set<string>(bom.dependencies.flatMap(({ dependsOn }: Dependency) => dependsOn.map(nameOf)));
  for (const name of Object.keys(manifest.devDependencies))
    expect([name, named.has(name)]).toEqual([name, needed.has(name)]);
  const refs = new Set(["petit@1.2.3", ...components.map((each) => each["bom-ref"])]);
  expect(refs.size).toBe(components.length + 1);
  for (const { ref, dependsOn } of bom.dependencies)
    expect([ref, ...dependsOn].filter((each) => !refs.has(each))).toEqual([]);
  for (const { name, hashes } of components)
    if (hashes !== undefined)
      expect([name, hashes[0]?.content]).toEqual([name, expect.stringMatching(/^[0-9a-f]{128}$/)]);
});

test("the licenses of all packages of the executable are included", () => {
  const notices = packaging("notices.ts");
  for (const name of Object.keys(manifest.dependencies)) expect(notices).toContain(`\n${name} `);
  expect(notices.match(/Permission is hereby granted/g)?.length).toBeGreaterThan(20);
  expect(notices).toContain("SIL OPEN FONT LICENSE");
});

test("the manifest names the system of each archive", () => {
  using folder = tempFolder();
  const sum = createHash("sha256").update("x").digest("hex");
  for (const file of [
    "petit-linux-x64.tar.gz",
    "petit-linux-arm64-musl.tar.gz",
    "petit-windows-x64.zip",
    "petit_1.2.3-1_arm64.deb",
    "petit-1.2.3-1.x86_64.rpm",
    "SHA256SUMS",
  ])
    folder.write(file, "x");
  const { files, ...about } = JSON.parse(packaging("manifest.ts", folder.path, "1.2.3", "abc", "2026-01-01T00:00:00Z"));
  expect(about).toEqual({ name: "petit", version: "1.2.3", commit: "abc", date: "2026-01-01T00:00:00Z" });
  expect(files).toEqual([
    { file: "petit-1.2.3-1.x86_64.rpm", os: "linux", arch: "x64", libc: "glibc", bytes: 1, sha256: sum },
    { file: "petit-linux-arm64-musl.tar.gz", os: "linux", arch: "arm64", libc: "musl", bytes: 1, sha256: sum },
    { file: "petit-linux-x64.tar.gz", os: "linux", arch: "x64", libc: "glibc", bytes: 1, sha256: sum },
    { file: "petit-windows-x64.zip", os: "windows", arch: "x64", libc: null, bytes: 1, sha256: sum },
    { file: "petit_1.2.3-1_arm64.deb", os: "linux", arch: "arm64", libc: "glibc", bytes: 1, sha256: sum },
  ]);
});

test("the unit of a release is that of petit, with the installed path", () => {
  const unit = packaging("unit.ts");
  expect(unit).toContain("ExecStart=/usr/local/bin/petit run ");
  expect(unit).not.toContain(ROOT);
});

/** The files that `scripts/compile` reads, apart from the toolchain. */
const SOURCE = ["src", "scripts", "node_modules", "package.json", "bun.lock", "bunfig.toml", "tsconfig.json"];

/** Copies the source to `folder`. It uses hard links if possible, because node_modules has 230 MB. */
const copySource = (folder: string): void => {
  mkdirSync(folder, { recursive: true });
  const copy = (how: string) => Bun.spawnSync(["cp", how, ...SOURCE, folder], { cwd: ROOT });
  if (copy("-al").exitCode !== 0 && copy("-af").exitCode !== 0)
    throw new Error(`the source can't be copied to ${folder}`);
  symlinkSync(join(ROOT, ".tools"), join(folder, ".tools"));
};

const compileIn = (folder: string): Buffer => {
  copySource(folder);
  const { exitCode, stderr } = Bun.spawnSync([join(folder, "scripts/compile"), join(folder, "out/petit")]);
  if (exitCode !== 0) throw new Error(stderr.toString());
  return readFileSync(join(folder, "out/petit"));
};

test("the build is the same in every folder, and does not contain the path of the folder", () => {
  using folder = tempFolder();
  const short = compileIn(join(folder.path, "short"));
  const long = compileIn(join(folder.path, "a much longer path/of folders"));
  expect(short.equals(long)).toBe(true);
  expect(long.includes(folder.path)).toBe(false);
}, 120_000);
