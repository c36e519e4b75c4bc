/**
 * Returns how programs write a text in JSON and in URLs, as far as that differs from the text. Each form contains one of the
 * ESCAPE_MARKS, and none is shorter than the text, in bytes.
 */
export const escapedForms = (text: string): readonly string[] => {
  if (isPlain(text)) return [];
  const forms = new Set([...JSON_FORMS.map((form) => form(text)), ...urlForms(text)]);
  forms.delete(text);
  return [...forms];
};

/** The bytes of `\`, `%` and `+`. */
export const ESCAPE_MARKS = ["\\", "%", "+"].map((mark) => mark.charCodeAt(0));

/** Returns whether nothing is escaped in a text. */
const isPlain = (text: string): boolean => /^[A-Za-z0-9._-]*$/.test(text);

/** Returns a function that escapes what JSON requires, what matches `units` as `\uXXXX`, and `/` as `\/` if `slash`. */
const jsonForm =
  (units: RegExp, { isUpperCase = false, slash = false } = {}) =>
  (text: string): string =>
    text.replace(JSON_UNITS, (unit) => {
      if (units.test(unit)) return codeOf(unit, isUpperCase);
      if (unit === "/") return slash ? "\\/" : unit;
      if (unit > "\u001f" && unit !== '"' && unit !== "\\") return unit;
      // As JSON.stringify, but for the case of the digits.
      return SHORT[unit] ?? codeOf(unit, isUpperCase);
    });

/** Whatever any form escapes. A surrogate is escaped by itself. */
const JSON_UNITS = /[^A-Za-z0-9 .,:;_-]/g;

const SHORT: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

const codeOf = (unit: string, isUpperCase: boolean): string => {
  const digits = unit.charCodeAt(0).toString(16).padStart(4, "0");
  return `\\u${isUpperCase ? digits.toUpperCase() : digits}`;
};

/** What the JSON libraries of common languages write. */
const JSON_FORMS: readonly ((text: string) => string)[] = [
  // JavaScript, Rust, Ruby, jq.
  jsonForm(/^$/),
  // Python, jq -a; in capitals: Java (Jackson, only ASCII).
  jsonForm(/[\u007f-\uffff]/),
  jsonForm(/[\u007f-\uffff]/, { isUpperCase: true }),
  // PHP, with and without JSON_UNESCAPED_UNICODE.
  jsonForm(/[\u0080-\uffff]/, { slash: true }),
  jsonForm(/^$/, { slash: true }),
  // Go; Java (Gson).
  jsonForm(/[<>&\u2028\u2029]/),
  jsonForm(/[<>&='\u2028\u2029]/),
  // .NET.
  jsonForm(/["&'+<>`\u007f-\uffff]/, { isUpperCase: true }),
];

/** Returns what is written in URLs and forms: by JavaScript, curl, Python, Go and browsers. */
const urlForms = (text: string): readonly string[] => {
  const strict = percentEncoded(text, /[A-Za-z0-9._~-]/);
  const form = strict.replaceAll("%20", "+");
  return [
    strict,
    strict.replaceAll("%2F", "/"),
    form,
    percentEncoded(text, /[A-Za-z0-9._~!'()*-]/),
    percentEncoded(text, /[A-Za-z0-9._*-]/).replaceAll("%20", "+"),
  ];
};

const percentEncoded = (text: string, kept: RegExp): string =>
  text.replace(/[^A-Za-z0-9._-]+/g, (part) =>
    Array.from(Buffer.from(part), (byte) => {
      const character = String.fromCharCode(byte);
      return byte < 0x80 && kept.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    }).join(""),
  );
