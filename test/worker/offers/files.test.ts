import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readdirSync, utimesSync } from "node:fs";
import { OfferedFiles } from "../../../src/worker/offers/files.ts";
import { tempDir } from "../../support/temp-dir.ts";

const DAY_S = 86_400;

const shaOf = (text: string): string => createHash("sha256").update(text).digest("hex");

test("scripts that were not used for a day are deleted, and those in use are kept", async () => {
  using dir = tempDir();
  const texts = ["in use", "old", "new"];
  const contents = new Map(texts.map((text) => [shaOf(text), Buffer.from(text)]));
  const transport = { getScript: async (sha256: string) => contents.get(sha256) ?? Buffer.alloc(0) };
  const files = new OfferedFiles({ dir: dir.path, transport, isShared: false });
  for (const text of texts)
    await files.obtain({ files: { script: { sha256: shaOf(text), name: "script.sh", bytes: text.length } } });
  const before = Date.now() / 1000 - DAY_S - 1;
  for (const text of ["in use", "old"]) utimesSync(dir.file(shaOf(text)), before, before);
  files.sweep(new Set([shaOf("in use")]));
  expect(readdirSync(dir.path).sort()).toEqual([shaOf("in use"), shaOf("new")].sort());
});
