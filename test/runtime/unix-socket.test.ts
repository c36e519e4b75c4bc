import { expect, test } from "bun:test";
import { encodeSocketAddress } from "../../src/runtime/unix-socket.ts";

test.each([
  ["/run/notify", "\u0001\0/run/notify\0"],
  ["@a/b", "\u0001\0\0a/b"],
])("the address of the socket '%s' has the format of unix(7)", (name, address) => {
  expect(encodeSocketAddress(name)?.toString("latin1")).toBe(address);
});

test.each([["relative"], [""], ["/with\0zero"], [`/${"x".repeat(107)}`], [`/${"ü".repeat(54)}`]])(
  "'%s' is no name of a socket",
  (name) => {
    expect(encodeSocketAddress(name)).toBeNull();
  },
);

test("a name may have 107 bytes", () => {
  expect(encodeSocketAddress(`/${"x".repeat(106)}`)?.length).toBe(110);
});
