import { expect, test } from "bun:test";
import { isOfSubject, whyNotStream, whyNotSubject } from "../../../src/domain/deliveries/message.ts";

test.each([
  ["orders.created", "orders.created", true],
  ["orders.created", "orders.*", true],
  ["orders.created", ">", true],
  ["orders.created.eu", "orders.>", true],
  ["orders.created.eu", "*.created.*", true],
  ["orders", "orders.>", false],
  ["orders.created.eu", "orders.*", false],
  ["orders.paid", "orders.created", false],
  ["orders.*", "orders.created", false],
])("the subject %s is one of %s: %p", (subject, pattern, isOne) => {
  expect(isOfSubject(subject, pattern)).toBe(isOne);
});

test.each(["a", "orders.created", "*", ">", "orders.*.eu", "orders.>", "$KV.x.>", "größe.ü"])(
  "%s is a subject",
  (subject) => {
    expect(whyNotSubject(subject)).toBeNull();
  },
);

test.each(["", ".", "a.", ".a", "a..b", "a b", "a\tb", "a\0", "a.b*", ">a", "a.>.b", "**"])(
  "%p is no subject",
  (subject) => {
    expect(whyNotSubject(subject)).not.toBeNull();
  },
);

test.each([
  ["ORDERS", true],
  ["orders-1_ä", true],
  ["a.b", false],
  ["a*", false],
  ["a>", false],
  ["a/b", false],
  ["a b", false],
  ["petit_offers", false],
  ["OBJ_petit-scripts", false],
  ["petit-orders", true],
])("a stream can be called %p: %p", (name, can) => {
  expect(whyNotStream(name) === null).toBe(can);
});
