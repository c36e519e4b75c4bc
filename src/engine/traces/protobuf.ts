/** Encodes and reads the fields of protobuf messages that OTLP needs (https://protobuf.dev/programming-guides/encoding/). */

export type Bytes = Uint8Array<ArrayBuffer>;

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

/** Returns how many bytes a whole number from 0 to `Number.MAX_SAFE_INTEGER` takes. */
const sizeOf = (value: number): number => {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++;
  return size;
};

/** Writes a whole number. Returns the position behind it. */
const writeWhole = (buffer: Buffer, value: number, from: number): number => {
  let at = from;
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) buffer[at++] = (rest % 0x80) | 0x80;
  buffer[at++] = rest;
  return at;
};

/** Returns a field of `length` bytes, and where these begin, for the caller to write. */
const framed = (field: number, length: number): { readonly buffer: Buffer<ArrayBuffer>; readonly at: number } => {
  const tag = field * 8 + LENGTH;
  const buffer = Buffer.alloc(sizeOf(tag) + sizeOf(length) + length);
  return { buffer, at: writeWhole(buffer, length, writeWhole(buffer, tag, 0)) };
};

/** Returns a message of fields. */
export const message = (...fields: readonly Bytes[]): Bytes => Buffer.concat(fields);

/** A field with bytes, or with a message of fields. */
export const bytesField = (field: number, ...parts: readonly Bytes[]): Bytes => {
  let length = 0;
  for (const part of parts) length += part.length;
  const { buffer, at } = framed(field, length);
  let end = at;
  for (const part of parts) {
    buffer.set(part, end);
    end += part.length;
  }
  return buffer;
};

export const textField = (field: number, text: string): Bytes => {
  const { buffer, at } = framed(field, Buffer.byteLength(text));
  buffer.write(text, at);
  return buffer;
};

/** A field with a whole number from 0. */
export const wholeField = (field: number, value: number): Bytes => {
  const tag = field * 8 + VARINT;
  const buffer = Buffer.alloc(sizeOf(tag) + sizeOf(value));
  writeWhole(buffer, value, writeWhole(buffer, tag, 0));
  return buffer;
};

export const booleanField = (field: number, value: boolean): Bytes => wholeField(field, value ? 1 : 0);

/** Returns a field of a fixed size, and where its value begins. */
const fixed = (field: number, wireType: number, size: number) => {
  const tag = field * 8 + wireType;
  const buffer = Buffer.alloc(sizeOf(tag) + size);
  return { buffer, at: writeWhole(buffer, tag, 0) };
};

export const doubleField = (field: number, value: number): Bytes => {
  const { buffer, at } = fixed(field, FIXED64, 8);
  buffer.writeDoubleLE(value, at);
  return buffer;
};

export const fixed64Field = (field: number, value: bigint): Bytes => {
  const { buffer, at } = fixed(field, FIXED64, 8);
  buffer.writeBigUInt64LE(value, at);
  return buffer;
};

/** A field that was read: a whole number, or bytes. Those of a fixed size are skipped. */
type ReadField = { readonly field: number; readonly value: number | Uint8Array };

/** Returns the fields of a message with one-byte tags, up to the first one that is none. */
export function* readFields(bytes: Uint8Array): Generator<ReadField> {
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at] ?? 0;
    const [field, wireType] = [tag >> 3, tag & 7];
    at++;
    if (wireType === FIXED64 || wireType === FIXED32) {
      at += wireType === FIXED64 ? 8 : 4;
      continue;
    }
    if (field === 0 || field > MAX_SHORT_FIELD || (wireType !== VARINT && wireType !== LENGTH)) return;
    const whole = readWhole(bytes, at);
    if (whole === null) return;
    at = whole.end;
    if (wireType === VARINT) {
      yield { field, value: whole.value };
      continue;
    }
    if (at + whole.value > bytes.length) return;
    yield { field, value: bytes.subarray(at, at + whole.value) };
    at += whole.value;
  }
}

/** Fields up to this one have tags of one byte. */
const MAX_SHORT_FIELD = 15;

/** Returns a whole number from 0, and the position behind it; null if it is none. */
const readWhole = (bytes: Uint8Array, from: number): { readonly value: number; readonly end: number } | null => {
  let value = 0;
  for (let at = from, factor = 1; at < bytes.length; at++, factor *= 0x80) {
    const byte = bytes[at] ?? 0;
    value += (byte & 0x7f) * factor;
    if (value > Number.MAX_SAFE_INTEGER) return null;
    if (byte < 0x80) return { value, end: at + 1 };
  }
  return null;
};

export const fixed32Field = (field: number, value: number): Bytes => {
  const { buffer, at } = fixed(field, FIXED32, 4);
  buffer.writeUInt32LE(value, at);
  return buffer;
};
