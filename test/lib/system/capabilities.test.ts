import { expect, test } from "bun:test";
import { lacking } from "../../../src/lib/system/capabilities.ts";

const statusWith = (effective: string): string => `Name:\tpetit\nCapPrm:\t000001ffffffffff\nCapEff:\t${effective}\n`;

test.each([
  ["000001ffffffffff", []],
  ["0000000000000000", ["CAP_SETUID", "CAP_KILL"]],
  ["00000000000000eb", []],
  ["000001ffffffff7f", ["CAP_SETUID"]],
] as const)("of the capabilities %s, %j are missing", (effective, missing) => {
  expect(lacking(["CAP_SETUID", "CAP_KILL"], statusWith(effective))).toEqual([...missing]);
});

test("where the system does not say, none is missing", () => {
  expect(lacking(["CAP_SETUID"], "")).toEqual([]);
});
