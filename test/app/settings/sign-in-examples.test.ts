import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfigFile } from "../../../src/app/settings/config-file.ts";
import { parseYaml } from "../../../src/jobfile/parse/parse.ts";
import { tempFolder } from "../../support/cli.ts";

const text = readFileSync(join(import.meta.dirname, "../../../docs/people.md"), "utf8");
const blocks = [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, block = ""]) => block);
const configurations = blocks.filter((block) => /^auth:/m.test(block));

describe("docs/people.md", () => {
  test("has configuration files that petit accepts", () => {
    expect(configurations.length).toBeGreaterThanOrEqual(8);
    using folder = tempFolder();
    for (const block of configurations) {
      const loaded = loadConfigFile({ path: folder.write("config.yaml", block), environment: {} });
      expect(loaded?.signIn).not.toBeNull();
    }
  });

  test("has no block of YAML with an error", () => {
    expect(blocks.length).toBeGreaterThan(configurations.length);
    for (const block of blocks) expect(parseYaml(block).flatMap(({ faults }) => faults)).toEqual([]);
  });
});
