import { describe, expect, test } from "bun:test";
import { expressionText, scheduleText } from "../../../../src/web/ui/text/schedule-text.ts";

describe("the description of a schedule", () => {
  test.each([
    ["0 2 * * *", "Every day at 02:00"],
    ["30 0 2 * * *", "Every day at 02:00:30"],
    ["0 2,14 * * *", "Every day at 02:00 and 14:00"],
    ["@daily", "Every day at 00:00"],
    ["@reboot", "At each boot of the machine"],
    ["@hourly", "Every hour"],
    ["*/5 * * * *", "Every 5 minutes"],
    ["*/10 * * * * *", "Every 10 seconds"],
    ["0 9 * * MON-FRI", "At 09:00, Monday through Friday"],
    ["0 9 * * 5#2", "At 09:00, on the second Friday of the month"],
    ["0 0 L * *", "At 00:00, on the last day of the month"],
    ["@every 1h30m", "Every 1h 30m"],
    ["@every 45s", "Every 45s"],
    ["what", "what"],
  ])("of '%s' is '%s'", (expression, text) => {
    expect(expressionText(expression)).toBe(text);
  });

  test("joins the descriptions of several expressions", () => {
    expect(scheduleText(["0 2 * * *", "@hourly"])).toBe("Every day at 02:00; every hour");
  });
});
