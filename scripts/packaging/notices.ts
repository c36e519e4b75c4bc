// Prints the licenses of the third-party software in the executable.
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { lockedPackages, type Package } from "./lock.ts";

const RULE = "─".repeat(78);

const textsOf = ({ folder }: Package): readonly string[] =>
  globSync("{LICENSE,LICENCE,COPYING,NOTICE,license}*", { cwd: folder })
    .sort()
    .map((file) => readFileSync(join(folder, file), "utf8").trim());

const notice = (one: Package): string =>
  [RULE, `${one.name} ${one.version} (${one.license ?? "see below"})`, RULE, ...textsOf(one)].join("\n\n");

console.log(
  [
    `petit is built with Bun ${Bun.version} (MIT), which contains JavaScriptCore (LGPL-2.1), SQLite (public domain) and other`,
    "libraries that its documentation lists. petit also contains these packages:",
    "",
    ...[...lockedPackages().values()].map(notice),
  ].join("\n"),
);
