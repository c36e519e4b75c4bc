import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { readPages, withTables } from "./page.ts";
import { generatedTables } from "./tables.ts";

const ROOT = join(import.meta.dirname, "../..");

const isCheck = process.argv[2] === "--check";
const tables = await generatedTables();
for (const page of readPages()) {
  const text = withTables(page, tables);
  if (text === page.text) continue;
  if (isCheck) {
    console.error(`${page.path} has outdated tables; scripts/docs updates them`);
    process.exitCode = 1;
  } else {
    writeFileSync(join(ROOT, page.path), text);
    console.log(`updated ${page.path}`);
  }
}
