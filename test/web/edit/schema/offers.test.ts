import { describe, expect, test } from "bun:test";
import { jsonSchema } from "../../../../src/jobfile/schema/json-schema.ts";
import { docOf, offersAt } from "../../../../src/web/edit/schema/offers.ts";
import { placeAt } from "../../../../src/web/edit/schema/place.ts";

const schema = jsonSchema();

/** Returns what is offered at the `‸` of a text. */
const offers = (marked: string) => {
  const place = placeAt(marked.replace("‸", ""), marked.indexOf("‸"));
  return place === null ? [] : offersAt(schema, place);
};

const texts = (marked: string): readonly string[] => offers(marked).map(({ text }) => text);

describe("what an editor offers in a job file", () => {
  test("are the fields of a job that it lacks, with what they mean", () => {
    const found = offers("id: x\n‸\nname: X\n");
    const names = found.map(({ text }) => text);
    expect(names).toContain("schedule");
    expect(names).not.toContain("id");
    expect(names).not.toContain("name");
    expect(found.find(({ text }) => text === "tasks")).toMatchObject({
      isRequired: true,
      shape: "list",
      kind: "field",
    });
    expect(found.find(({ text }) => text === "enabled")).toMatchObject({ detail: "true or false", shape: "scalar" });
    expect(found.every(({ doc }) => doc !== "")).toBe(true);
  });

  test("are the fields of a task that fit its type", () => {
    const shell = texts("tasks:\n  - id: a\n    type: shell\n    ‸\n");
    expect(shell).toContain("script");
    expect(shell).not.toContain("url");
    const http = offers("tasks:\n  - id: a\n    type: http\n    ‸\n");
    expect(http.find(({ text }) => text === "url")?.isRequired).toBe(true);
    expect(http.map(({ text }) => text)).not.toContain("script");
  });

  test("are the words that a field takes", () => {
    expect(texts("tasks:\n  - type: ‸")).toEqual(expect.arrayContaining(["shell", "command", "http"]));
    expect(texts("enabled: ‸")).toEqual(["true", "false"]);
    expect(texts("tasks: [{method: ‸}]")).toContain("POST");
    expect(texts("notify:\n  - on: [‸]")).toContain("failure");
  });

  test("are examples of texts, quoted where YAML needs it", () => {
    const [first] = offers("schedule: ‸");
    expect(first).toMatchObject({ kind: "example" });
    for (const text of texts("schedule: ‸")) expect(text).toMatch(/^"|^[\w@]/);
  });

  test("is nothing in a comment, a script or a place that no field has", () => {
    expect(texts("# ‸")).toEqual([]);
    expect(texts("tasks:\n  - script: |\n      ‸")).toEqual([]);
    expect(texts("unknown:\n  ‸")).toEqual([]);
    expect(texts("toString: ‸")).toEqual([]);
    expect(texts("constructor:\n  ‸")).toEqual([]);
  });

  test("describes a field by its path", () => {
    expect(docOf(schema, ["tasks", null, "retry"])?.doc).toBeString();
    expect(docOf(schema, ["tasks", null, "timeout"])?.detail).toContain("duration");
    expect(docOf(schema, ["nothing"])).toBeNull();
  });
});
