import { isJsonMap, type Json } from "./json.ts";

/** Returns whether a text is a JSON pointer (RFC 6901): empty, or keys that each follow a `/`. */
export const isJsonPointer = (text: string): boolean => /^(\/([^~]|~[01])*)?$/s.test(text);

/** Returns the value that a JSON pointer refers to, or undefined if there is none. */
export const valueAt = (root: Json, pointer: string): Json | undefined => {
  let value: Json | undefined = root;
  for (const part of pointer.split("/").slice(1)) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    if (value === undefined) return undefined;
    if (Array.isArray(value)) value = /^(0|[1-9]\d*)$/.test(key) ? value[Number(key)] : undefined;
    else value = isJsonMap(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  }
  return value;
};
