import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseTaskId, type TaskId } from "../../src/domain/ids.ts";
import { expandTemplate, findTemplates, type TemplateScope } from "../../src/jobfile/template.ts";

const task = (text: string): TaskId => parseTaskId(text) as TaskId;

const SCOPE: TemplateScope = {
  params: { day: "2026-01-01", "a.b": "dotted", nested: "${{ params.day }}", money: "$& $1 $$" },
  config: {
    size: 1000,
    flag: true,
    none: null,
    list: [1, "x"],
    map: { deep: { er: "found" }, "k.v": 7 },
    "map.deep": "own",
  },
  outputs: new Map([
    [task("extract"), { rows: "42", "odd key": "odd", toml: "a.outputs.b" }],
    [task("a.b"), { rows: "dotted task" }],
  ]),
  statuses: new Map([[task("extract"), "completed"]]),
  itemCounts: new Map(),
  item: null,
  jobId: "job",
  runId: "018bcfe5-6800-7000-8000-000000000000",
  scheduledFor: Date.UTC(2026, 0, 1, 2),
  intervalStart: Date.UTC(2026, 0, 1, 1),
  event: null,
};

describe("expandTemplate", () => {
  test.each([
    ["plain", "plain"],
    ["${{ params.day }}", "2026-01-01"],
    ["${{params.day}}/${{  params.day  }}!", "2026-01-01/2026-01-01!"],
    ["${{ params.a.b }}", "dotted"],
    ["${{ params.absent }}", ""],
    ["${{ config.size }} ${{ config.flag }} ${{ config.none }}", "1000 true "],
    ["${{ config.list }}", '[1,"x"]'],
    ["${{ config.map }}", '{"deep":{"er":"found"},"k.v":7}'],
    ["${{ config.map.deep }}", "own"],
    ["${{ config.map.deep.er }}", "found"],
    ["${{ config.map.k.v }}", "7"],
    ["${{ config.map.nothing }}", ""],
    ["${{ config.toString }}", ""],
    ["${{ tasks.extract.outputs.rows }}", "42"],
    ["${{ tasks.extract.outputs.missing }}", ""],
    ["${{ tasks.extract.outputs.toString }}", ""],
    ["${{ tasks.skipped.outputs.rows }}", ""],
    ["${{ tasks.a.b.outputs.rows }}", "dotted task"],
    ["${{ job.id }} ${{ run.id }}", "job 018bcfe5-6800-7000-8000-000000000000"],
    ["${{ run.scheduled_for }}", "2026-01-01T02:00:00.000Z"],
    ["${{ run.interval_start }}", "2026-01-01T01:00:00.000Z"],
    ["${{ run.interval_end }}", "2026-01-01T02:00:00.000Z"],
    ["${{ run.interval_start < run.interval_end }}", "true"],
    ["${{\n  params.day\n}}", "2026-01-01"],
    // Braces in a string of an expression.
    ["<${{ format('{{{0}}}', params.day) }}> ${{ job.id }}", "<{2026-01-01}> job"],
    ["${{ 'it''s }}' }}|${{ '}}' }}", "it's }}|}}"],
    // What a value brings is not read again.
    ["${{ params.nested }}", "${{ params.day }}"],
    ["${{ params.money }}", "$& $1 $$"],
    // Not templates.
    ["$HOME ${HOME} $${HOME} {{ x }} ${ {x} }", "$HOME ${HOME} $${HOME} {{ x }} ${ {x} }"],
  ])("makes of %p: %p", (text, expected) => {
    expect(expandTemplate(text, SCOPE)).toBe(expected);
  });

  test("has no time for a manual run", () => {
    const scope = { ...SCOPE, scheduledFor: null, intervalStart: null };
    expect(expandTemplate("[${{ run.scheduled_for }}${{ run.interval_start }}]", scope)).toBe("[]");
  });

  test("returns a text without templates unchanged", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        fc.pre(!text.includes("${{"));
        expect(expandTemplate(text, SCOPE)).toBe(text);
      }),
    );
  });

  test("inserts any value unchanged", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string(), (value, around) => {
        fc.pre(!around.includes("${{"));
        const scope = { ...SCOPE, params: { x: value } };
        expect(expandTemplate(`${around}\${{ params.x }}|`, scope)).toBe(`${around}${value}|`);
      }),
    );
  });
});

describe("findTemplates", () => {
  test("returns each template with its reference", () => {
    expect(
      findTemplates("a ${{ job.id }} b ${{ tasks.t.outputs.k }} ${{ else }} ${{ open").map(
        ({ reference }) => reference,
      ),
    ).toEqual([{ kind: "jobId" }, { kind: "output", task: "t", key: "k" }, null, null]);
  });

  test.each([
    "params",
    "params.",
    "tasks.t",
    "tasks.t.outputs",
    "tasks.t.outputs.",
    "job.name",
    "params.a b",
    "env.X",
    "",
  ])("knows no %p", (expression) => {
    expect(findTemplates(`\${{ ${expression} }}`)[0]?.reference).toBeNull();
  });
});
