import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { artifactFolder } from "../../../src/engine/artifacts/folder-name.ts";
import { taskId } from "../../support/engine/factories.ts";

const folderOf = (key: string): string => artifactFolder(taskId("t"), key).slice(2);

describe("the folder of an item", () => {
  test("is the task without items", () => {
    expect(artifactFolder(taskId("t"), null)).toBe("t");
  });

  test("is one safe name for every key, and another for another key", () => {
    const key = fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^[./%\\a]*$/), fc.constant(".."));
    fc.assert(
      fc.property(key, key, (a, b) => {
        const name = folderOf(a);
        expect(name).not.toMatch(/^$|^\.|[/\\\0\n]/);
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
        expect(a.toWellFormed() === b.toWellFormed() || name !== folderOf(b)).toBe(true);
      }),
    );
  });

  test("of a long key has a digest", () => {
    const [a, b] = [folderOf("ü".repeat(300)), folderOf(`${"ü".repeat(300)}!`)];
    expect(a).toMatch(/^ü{45}%~[0-9a-f]{16}$/);
    expect(a).not.toBe(b);
  });
});
