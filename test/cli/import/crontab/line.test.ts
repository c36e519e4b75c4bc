import { describe, expect, test } from "bun:test";
import { parseCrontab } from "../../../../src/cli/import/crontab/parse.ts";
import { whyUnusable } from "../../../../src/domain/schedule/schedule.ts";

const parse = (line: string, system = false) => parseCrontab(`${line}\n`, { system })[0];

describe("an environment line", () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ["A=b", "A", "b"],
    ["  A = b c  ", "A", "b c"],
    ["A=", "A", ""],
    ['A=""', "A", ""],
    ["A = ' b '  ", "A", " b "],
    ['"my name"="x"', "my name", "x"],
    [`A="it's"`, "A", "it's"],
    ["A=b'c", "A", "b'c"],
    ["A=$HOME/x=y", "A", "$HOME/x=y"],
    ["A=b # no comment", "A", "b # no comment"],
    ["MAILTO=\ta\r", "MAILTO", "a"],
  ];
  test.each(cases)("%j sets %j to %j", (line, name, value) => {
    expect(parse(line)).toMatchObject({ kind: "environment", name, value });
  });

  test.each(["A='b", "A='b' c", "A B=c", "'A=b'=c", "=b"])("%j is none", (line) => {
    expect(parse(line)?.kind).toBe("wrong");
  });
});

describe("a command", () => {
  const cases: readonly (readonly [string, string, string | null])[] = [
    ["echo a", "echo a", null],
    ["echo a%b", "echo a", "b\n"],
    ["echo a%b%%c%", "echo a", "b\n\nc\n"],
    ["echo a%", "echo a", null],
    ["echo a%%", "echo a", "\n"],
    ["date +\\%F", "date +%F", null],
    ["date +\\%F%in \\% put", "date +%F", "in % put\n"],
    ["echo \\\\%in", "echo \\\\", "in\n"],
    ["echo \\\\\\%out", "echo \\\\%out", null],
    ["echo a\\n b\\", "echo a\\n b\\", null],
    ["cat%a%\\", "cat", "a\n\\"],
    ["cat%a\\", "cat", "a\\\n"],
    ["cat%a\\\\%b", "cat", "a\\%b\n"],
  ];
  test.each(cases)("%j runs %j with %j as its input", (text, command, stdin) => {
    expect(parse(`* * * * * ${text}`)).toMatchObject({ kind: "entry", command, stdin });
  });
});

describe("a schedule", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["*/5 * * * *", "*/5 * * * *"],
    ["0\t02 *  JAN,Feb-mar mon-fri/2", "0 02 * JAN,Feb-mar mon-fri/2"],
    ["*/90 */99 */40 */20 */9", "*/60 */24 */31 */12 */7"],
    ["5-50/100 * * * *", "5 * * * *"],
    ["0 1,*/6 * * *", "0 0,1,6,12,18 * * *"],
    ["0 0 1,* * sat,*", "0 0 1-31 * 0-6"],
    ["0 0 * * fri-sun", "0 0 * * fri-sun"],
    ["@midnight", "@midnight"],
  ];
  test.each(cases)("%j becomes %j", (cron, expression) => {
    expect(parse(`${cron} true`)).toMatchObject({ kind: "entry", expression, command: "true" });
    expect(whyUnusable(expression)).toBeNull();
  });

  test("with a random value gets the same one again", () => {
    const first = parse("~ 1~2 * * * true");
    expect(first).toMatchObject({ kind: "entry", notes: [expect.stringContaining("'~' became the minute")] });
    expect(parse("~ 1~2 * * * true")).toEqual(first);
    const hours = Array.from({ length: 50 }, (_, index) => parse(`0 22~23 * * * job${index}`));
    const expressions = new Set(hours.map((line) => (line?.kind === "entry" ? line.expression : null)));
    expect([...expressions].sort()).toEqual(["0 22 * * *", "0 23 * * *"]);
  });

  test("of @reboot is null", () => {
    expect(parse("@reboot true")).toMatchObject({ kind: "entry", expression: null });
  });
});

describe("a line", () => {
  test("can have options of cron before the schedule and the command", () => {
    expect(parse("-0 1 * * * -n -s x")).toMatchObject({
      kind: "entry",
      expression: "0 1 * * *",
      command: "x",
      single: true,
    });
  });

  test("can have a user", () => {
    expect(parse("@daily\twww-data  cd /srv", true)).toMatchObject({ user: "www-data", command: "cd /srv" });
    expect(parse("@daily www-data cd /srv")).toMatchObject({ user: null, command: "www-data cd /srv" });
  });

  test("without a line break at its end is ignored by cron, which is said", () => {
    expect(parseCrontab("@daily a", { system: false })[0]).toMatchObject({
      notes: [expect.stringContaining("line break")],
    });
  });

  const wrong: readonly (readonly [string, string])[] = [
    ["hello", "'hello' is not understood in the minute field"],
    ["* * *", "it has 3 of 5 time fields"],
    ["* * * * *", "the command is missing"],
    ["* * * * * * date", "it has a sixth time field"],
    ["60 * * * * x", "'60' is out of range in the minute field; expected 0 to 59"],
    ["0 0 0 * * x", "'0' is out of range in the day of month field; expected 1 to 31"],
    ["0 0 * 13 * x", "'13' is out of range in the month field"],
    ["0 0 * * 8 x", "'8' is out of range in the day of week field"],
    ["0 0 * * monday x", "'monday' is not understood in the day of week field; expected 0 to 7, sun to sat"],
    ["0 22-6 * * * x", "'22-6' runs backwards in the hour field"],
    ["0 0 * * fri-sun/2 x", "'fri-sun/2' runs backwards"],
    ["5/15 * * * * x", "'5/15' in the minute field has a step without a range; expected such as '5-59/15'"],
    ["*/0 * * * * x", "the step of the minute field is 0"],
    ["1,,2 * * * * x", "'' is not understood in the minute field"],
    ["20~10 * * * * x", "'20~10' runs backwards"],
    ["0 0 L * * x", "'L' is not understood in the day of month field"],
    ["@daly x", "'@daly' is not known; expected @reboot or one of @yearly"],
    ["@Daily x", "'@Daily' is not known"],
    ["* * * * * -x y", "'-x' before the command is not an option of cron"],
    ["* * * * * x\r", "ends with a carriage return"],
  ];
  test.each(wrong)("%j can't be read", (line, problem) => {
    const read = parse(line);
    expect(read?.kind === "wrong" ? read.problem : read).toStartWith(
      problem.startsWith("ends") ? `it ${problem}` : problem,
    );
  });

  test("with a user column needs a user", () => {
    expect(parse("* * * * * /bin/x", true)).toMatchObject({
      kind: "wrong",
      problem: expect.stringContaining("--system"),
    });
    expect(parse("* * * * * root", true)).toMatchObject({
      kind: "wrong",
      problem: expect.stringContaining("a user, then"),
    });
  });
});
