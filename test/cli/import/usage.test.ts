import { describe, expect, test } from "bun:test";
import { petit } from "../../support/cli.ts";

describe("a wrong command line of petit import", () => {
  const cases: readonly (readonly [readonly string[], string])[] = [
    [[], "KIND is missing"],
    [["crontabs"], "did you mean 'crontab'?"],
    [["anacron"], "did you mean 'anacrontab'?"],
    [["timers"], "can't import 'timers'; expected crontab, anacrontab, systemd, dagu, cronicle or petit-rs"],
    [["petit-rs"], "DIR is missing"],
    [["petit-rs", "old", "--system"], "--system is only for 'petit import crontab'"],
    [["petit-rs", "old", "--as", "me"], "--as is only for 'petit import crontab'"],
    [["petit-rs", "old", "--skip-invalid"], "--skip-invalid is only for 'petit import crontab' and 'anacrontab'"],
    [["anacrontab", "--system"], "--system is only for 'petit import crontab'"],
    [["crontab", "a", "b"], "unexpected argument 'b'"],
    [["crontab", "-", "-o"], "-o needs a value"],
  ];
  test.each(cases)("%j is refused with exit status 2", async (args, message) => {
    const { status, stdout, stderr } = await petit(["import", ...args]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain(message);
  });
});
