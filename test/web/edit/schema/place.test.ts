import { describe, expect, test } from "bun:test";
import { fieldNameAt, placeAt } from "../../../../src/web/edit/schema/place.ts";

/** Returns the path at the `‸` of a text, such as `tasks[].retry`, and what is typed there. */
const at = (marked: string): string | null => {
  const offset = marked.indexOf("‸");
  const text = marked.replace("‸", "");
  const place = placeAt(text, offset);
  if (place === null) return null;
  const typed = text.slice(place.from, offset);
  return `${place.kind} ${pathText(place.path)}${typed === "" ? "" : ` ${typed}`}`;
};

const pathText = (path: readonly (string | null)[]): string =>
  path.map((step) => (step === null ? "[]" : `.${step}`)).join("") || ".";

const fieldsAt = (marked: string): readonly string[] => {
  const place = placeAt(marked.replace("‸", ""), marked.indexOf("‸"));
  return [...(place?.mapping.values ?? [])].map(([name, value]) => `${name}=${value}`);
};

describe("a place in a YAML text", () => {
  test.each([
    ["‸", "content ."],
    ["id: x\nsch‸", "content . sch"],
    ["id: x\n\n‸\n\ntasks:\n  - id: a\n", "content ."],
    ["enabled: ‸", "value .enabled"],
    ["enabled: tr‸ue", "value .enabled tr"],
    ["enabled:‸", null],
    ["tasks:\n  - ‸", "content .tasks[]"],
    ["tasks:\n  - id: a\n    ‸", "content .tasks[]"],
    ["tasks:\n- id: a\n  ty‸\n", "content .tasks[] ty"],
    ["tasks:\n- id: a\n‸", "content ."],
    ["tasks:\n  - id: a\n  ‸", "content .tasks"],
    ["tasks:\n  - id: a\n  - type: sh‸", "value .tasks[].type sh"],
    ["tasks:\n  - id: a\n    retry:\n      ‸", "content .tasks[].retry"],
    ["tasks:\n  - id: a\n    retry:\n      max: 1\n    ‸", "content .tasks[]"],
    ["tasks:\n  - - ‸", "content .tasks[][]"],
    ["tags:\n  - a\n  - b‸", "content .tags[] b"],
    ["notify:\n- on: [fail‸]", "value .notify[].on[] fail"],
    ["tasks: [{id: a, ‸}]", "content .tasks[]"],
    ["tasks: [{id: a, ty‸pe: shell}]", "content .tasks[] ty"],
    ["tasks: [{id: a, type: ‸}]", "value .tasks[].type"],
    ["tasks: [{id: a, retry: {‸", "content .tasks[].retry"],
    ["tasks: [\n  {id: a,\n   ‸\n", "content .tasks[]"],
    ["tasks: [{id: 'it''s', command: \"a, b: {\", ‸}]", "content .tasks[]"],
    ["tasks: [{id: a}]\n‸", "content ."],
    ["env: {url: http://x:1, ‸}", "content .env"],
    ["- {a‸", "content [] a"],
    ['"na me": ‸', "value .na me"],
    ["script: |\n  if: x\n  ‸", null],
    ["tasks:\n  - script: |\n      one\n\n      ‸", null],
    ["tasks:\n  - script: |\n      one\n    ‸", "content .tasks[]"],
    ["tasks:\n  - script: >-\n      a: b\n    type: ‸", "value .tasks[].type"],
    ["# id: ‸", null],
    ["id: x # ‸", null],
    ["tasks: [\n  # ‸\n]", null],
    ["id: x\n---\n‸", "content ."],
    ["id: x\n‸\n---\nid: y\n", "content ."],
    ["---‸\nid: x\n", null],
    ["id: x\r\ntasks:\r\n  - id: a\r\n    ‸\r\n", "content .tasks[]"],
    ["‸id: x", "content ."],
  ])("is %j", (marked, expected) => {
    expect(at(marked)).toBe(expected);
  });

  test("has the fields of its map, also those below", () => {
    expect(
      fieldsAt('tasks:\n  - id: "a" # first\n    ‸\n    type: shell\n    retry: {max: 1}\n  - name: other\n'),
    ).toEqual(["id=a", "type=shell", "retry="]);
    expect(fieldsAt("id: x\n---\nname: y\n‸\n")).toEqual(["name=y"]);
    expect(fieldsAt("tasks: [{id: a, type: shell, ‸ cwd: /}]")).toEqual(["id=a", "type=shell", "cwd=/"]);
  });

  test("begins where what is typed begins", () => {
    expect(placeAt("tasks:\n  - id: a\n    ty", 23)).toMatchObject({ from: 21, column: 4, isFlow: false });
    expect(placeAt("id: x\n---\nid: y\nty", 18)).toMatchObject({ from: 16, column: 0 });
    expect(placeAt("a: {b: cd", 9)).toMatchObject({ from: 7, column: 7, isFlow: true });
  });

  test("is found fast in a long text with unclosed braces", () => {
    const text = `tasks:\n${"  - {id: a, args: [b, {c: \n".repeat(20_000)}`;
    const startedAt = performance.now();
    placeAt(text, text.length);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  test("is the name of a field under the pointer", () => {
    const text = "tasks:\n  - id: a\n    retry: {max: 1}\n";
    expect(fieldNameAt(text, text.indexOf("retry") + 2)).toEqual({ from: 21, to: 26, path: ["tasks", null, "retry"] });
    expect(fieldNameAt(text, text.indexOf("max"))?.path).toEqual(["tasks", null, "retry", "max"]);
    expect(fieldNameAt(text, text.indexOf("1"))).toBeNull();
    expect(fieldNameAt(`id: x\n---\n${text}`, 11)).toEqual({ from: 10, to: 15, path: ["tasks"] });
  });
});
