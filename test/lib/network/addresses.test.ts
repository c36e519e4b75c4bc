import { describe, expect, test } from "bun:test";
import { addressSet, isNetwork, plainAddress } from "../../../src/lib/network/addresses.ts";

describe("isNetwork", () => {
  test.each(["10.0.0.5", "10.0.0.0/8", "0.0.0.0/0", "::1", "fd00::/8", "::ffff:10.0.0.5", "FD00::1/128"])(
    "accepts %s",
    (text) => expect(isNetwork(text)).toBe(true),
  );
  test.each([
    "",
    "proxy",
    "10.0.0",
    "010.0.0.1",
    "10.0.0.0/33",
    "10.0.0.0/",
    "10.0.0.0/08",
    "10.0.0.0/8/8",
    "::1/129",
    "fe80::1%eth0",
  ])("refuses '%s'", (text) => expect(isNetwork(text)).toBe(false));
});

describe("an address", () => {
  test.each([
    ["10.0.0.5", "10.0.0.5", true],
    ["10.0.0.5", "10.0.0.6", false],
    ["10.0.0.5", "::ffff:10.0.0.5", true],
    ["10.0.0.5", "::ffff:a00:5", true],
    ["::ffff:10.0.0.5", "10.0.0.5", true],
    ["10.0.0.0/8", "10.255.0.1", true],
    ["10.0.0.0/8", "11.0.0.1", false],
    ["10.0.0.0/8", "::ffff:10.1.2.3", true],
    ["0.0.0.0/0", "::1", false],
    ["::1", "0:0:0:0:0:0:0:1", true],
    ["::1", "[::1]:80", true],
    ["fd00::/8", "fdab::1", true],
    ["fe80::1", "fe80::1%eth0", true],
    ["fd00::/8", "fe00::1", false],
    ["10.0.0.5", "10.0.0.5, 10.0.0.5", false],
    ["10.0.0.5", "", false],
  ])("of %s: %s is %p", (network, address, isIn) => expect(addressSet([network]).has(address)).toBe(isIn));
});

test.each([
  ["192.0.2.1", "192.0.2.1"],
  [" 192.0.2.1:4711 ", "192.0.2.1"],
  ["[2001:DB8::1]:443", "2001:db8::1"],
  ["2001:db8:0:0::1", "2001:db8::1"],
  ["::ffff:192.0.2.1", "192.0.2.1"],
  ["unknown", null],
  ["192.0.2.1;DROP", null],
  ["", null],
])("plainAddress('%s') is %p", (text, address) => expect(plainAddress(text)).toBe(address));
