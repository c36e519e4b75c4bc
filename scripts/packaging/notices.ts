// Writes the licenses of all that is in the executable besides petit, to stdout.
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
    `petit is built with Bun ${Bun.version}, which is MIT-licensed and has JavaScriptCore (LGPL-2.1), SQLite (public domain) and`,
    "other libraries in it that Bun's documentation lists; and with these packages:",
    "",
    ...[...lockedPackages().values()].map(notice),
  ].join("\n"),
);
