import { expect, test } from "bun:test";
import { petit, tempFolder } from "../../support/cli.ts";

const validate = async (files: Readonly<Record<string, string>>): Promise<string> => {
  using folder = tempFolder();
  for (const [name, text] of Object.entries(files)) folder.write(`jobs/${name}.yaml`, text);
  const { stdout, stderr } = await petit(["validate", "jobs"], { cwd: folder.path });
  return stdout + stderr;
};

const ssh = (fields: string): string =>
  `id: a\nparams: {box: {default: b}}\ntasks: [{id: t, type: ssh, script: 'true', ${fields}}]\n`;

test.each([
  ["host: '-oProxyCommand=touch /tmp/x'", "tasks[0].host: '-oProxyCommand=touch /tmp/x' begins with '-'"],
  ["host: '-${{ params.box }}'", "begins with '-'"],
  ["host: box, jump: '-J'", "tasks[0].jump: '-J' begins with '-'"],
  ["host: box, user: '-l'", "tasks[0].user: '-l' begins with '-'"],
  ["host: 'a b'", "'a b' contains a space"],
])("a name that ssh would not take for one is refused: %s", async (fields, problem) => {
  expect(await validate({ a: ssh(fields) })).toContain(problem);
});

test.each([
  "host: 'box-1.example.com'",
  "host: '${{ params.box }}'",
  "host: '${{ params.box }}-1', jump: 'ada@gate:22'",
])("a name of ssh is accepted: %s", async (fields) => {
  expect(await validate({ a: ssh(fields) })).not.toContain("tasks[0]");
});

const template = (text: string): string =>
  `id: a\nconfig: {list: [x, y], map: {k: [1]}, a-b: c}\ntasks: [{id: t, type: command, command: echo, args: ["${text}"]}]\n`;

test.each([
  ["${{ config.list[1] }}", "y"],
  ["${{ config.map.k[0] }}", "1"],
  ["${{ config.map['k'] }}", "[1]"],
  ["${{ config.list.* }}", '["x","y"]'],
  ["${{ config.none||'z' }}", null],
  ["${{ config.list[0]||'z' }}", "x"],
  ["${{ config.a-b }}", "c"],
  ["${{ config.lost[1] }}", null],
])("a template takes what the language has after a name: %s", async (text, printed) => {
  using folder = tempFolder();
  folder.write("jobs/a.yaml", template(text));
  const { status, stdout, stderr } = await petit(["trigger", "jobs", "a", "--db", ":memory:"], { cwd: folder.path });
  if (printed === null) expect(stdout + stderr).toContain("there is no config value");
  else expect({ status, out: stdout + stderr }).toEqual({ status: 0, out: expect.stringContaining(printed) });
});

const CHILD =
  "id: child\noutputs: {rows: '${{ tasks.t.outputs.rows }}'}\ntasks: [{id: t, type: shell, script: 'true'}]\n";
const parent = (text: string, more = ""): string =>
  `id: parent\ntasks:\n- {id: c, type: job, job: child${more}}\n- {id: t, type: command, command: echo, depends_on: [c], ${text}}\n`;

test.each([
  [
    "args: ['${{ tasks.c.outputs.row }}']",
    "",
    "tasks[1].args[0]: job 'child' has no output 'row'; did you mean 'rows'?",
  ],
  ["if: \"tasks.c.outputs.count == '1'\"", "", "tasks[1].if: job 'child' has no output 'count'; it declares rows"],
  ['args: ["${{ fromJSON(tasks.c.outputs.x)[0] }}"]', ", foreach: [1]", "job 'child' has no output 'x'"],
  ["args: ['${{ tasks.c.outputs.rows }}']", ", wait: false", "the task does not wait for job 'child'"],
])("an output that the other job does not give is a problem: %s", async (text, more, problem) => {
  expect(await validate({ child: CHILD, parent: parent(text, more) })).toContain(problem);
});

test("the outputs that the other job declares can be read", async () => {
  const text =
    "args: ['${{ tasks.c.outputs.rows }}', \"${{ tasks.c.outputs['rows'] }}\"], if: \"tasks.c.status == 'completed'\"";
  expect(await validate({ child: CHILD, parent: parent(text) })).not.toContain("output");
});
