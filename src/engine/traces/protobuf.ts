/** Encodes the fields of protobuf messages that OTLP needs (https://protobuf.dev/programming-guides/encoding/). */

export type Bytes = Uint8Array<ArrayBuffer>;

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

/** Encodes a whole number from 0 to `Number.MAX_SAFE_INTEGER`. */
const varint = (value: number): Bytes => {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
  return Uint8Array.from(bytes);
};

const tag = (field: number, wireType: number): Bytes => varint(field * 8 + wireType);

/** Returns a message of fields. */
export const message = (...fields: readonly Bytes[]): Bytes => Buffer.concat(fields);

/** A field with bytes, or with a message. */
export const bytesField = (field: number, bytes: Bytes): Bytes =>
  Buffer.concat([tag(field, LENGTH), varint(bytes.length), bytes]);

export const textField = (field: number, text: string): Bytes => bytesField(field, Buffer.from(text, "utf8"));

/** A field with a whole number from 0. */
export const wholeField = (field: number, value: number): Bytes => Buffer.concat([tag(field, VARINT), varint(value)]);

export const booleanField = (field: number, value: boolean): Bytes => wholeField(field, value ? 1 : 0);

export const doubleField = (field: number, value: number): Bytes => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return Buffer.concat([tag(field, FIXED64), bytes]);
};

export const fixed64Field = (field: number, value: bigint): Bytes => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return Buffer.concat([tag(field, FIXED64), bytes]);
};

export const fixed32Field = (field: number, value: number): Bytes => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return Buffer.concat([tag(field, FIXED32), bytes]);
};
