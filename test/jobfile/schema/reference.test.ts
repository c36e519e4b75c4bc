import { describe, expect, test } from "bun:test";
import { fieldTable } from "../../../src/jobfile/schema/reference.ts";

const rows = new Map(fieldTable().map((row) => [row.path, row]));

describe("the reference of fields", () => {
  test("lists each field once, with a sentence", () => {
    expect(rows.size).toBe(fieldTable().length);
    for (const row of rows.values()) {
      expect(row.doc).toMatch(/^[A-Z`].*\.$/s);
      expect(row.type).not.toBe("");
      expect(row.default).not.toBe("");
    }
  });

  test.each([
    ["id", "text", "required"],
    ["schedule", "text, or list of texts, or map", "it runs only when triggered"],
    ["schedule.cron", "text, or list of texts", "required"],
    ["schedule.catchup", "latest | all | none", "latest"],
    ["schedule.catchup_window", "duration", "1h"],
    ["enabled", "true or false", "true"],
    ["depends_on[].condition.within_window.seconds", "number of seconds", "required"],
    ["config", "map of names to any values", "none"],
    ["params.NAME.pattern", "text", "any"],
    ["notify[].url", "text, or map", "https://api.telegram.org for `telegram`; the others require it"],
    ["notify[].url.env", "text", "none"],
    ["notify[].timeout", "duration", "10s"],
    ["tasks", "list of maps", "required"],
    ["tasks[].condition", "all_success | on_failure | all_done | always", "all_success"],
    ["tasks[].retry.max_attempts", "whole number", "required"],
    ["tasks[].retry.delay", "duration", "0s"],
    ["tasks[].retry.max_delay", "duration", "1h"],
  ])("%s is a %s, default %s", (path, type, otherwise) => {
    expect(rows.get(path)).toMatchObject({ type, default: otherwise });
  });
});
