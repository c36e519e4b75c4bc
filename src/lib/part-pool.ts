/** Only short texts and small lists and maps are shared: others are rarely equal. */
const MAX_TEXT = 100;
const MAX_PARTS = 8;

/**
 * Makes many JSON values share their equal parts, so that they take less memory: texts, and lists and maps of simple values. The
 * values must never change afterwards.
 */
export class PartPool {
  readonly #texts = new Map<string, unknown>();
  readonly #parts = new Map<string, unknown>();

  /** Parses a text, and shares the parts of the value with those of earlier values. */
  parse(json: string): unknown {
    return this.#share(JSON.parse(json));
  }

  #share(value: unknown): unknown {
    if (typeof value === "string") return value.length > MAX_TEXT ? value : findOrAdd(this.#texts, value, value);
    if (typeof value !== "object" || value === null) return value;
    const key = Array.isArray(value)
      ? this.#shareItems(value)
      : this.#shareFields(value as { [name: string]: unknown });
    return key === null ? value : findOrAdd(this.#parts, key, value);
  }

  /** Returns a text that is the same for equal lists only; null if the list is not shared. */
  #shareItems(items: unknown[]): string | null {
    let key: string | null = items.length > MAX_PARTS ? null : "[";
    items.forEach((item, index) => {
      items[index] = this.#share(item);
      key = addTo(key, item);
    });
    return key;
  }

  #shareFields(map: { [name: string]: unknown }): string | null {
    const names = Object.keys(map);
    let key: string | null = names.length > MAX_PARTS ? null : "{";
    for (const name of names) {
      const field = map[name];
      const shared = this.#share(field);
      // For this name, an assignment has another meaning.
      if (name !== "__proto__") map[name] = shared;
      key = addTo(addTo(key, name), field);
    }
    return key;
  }
}

const findOrAdd = (known: Map<string, unknown>, key: string, value: unknown): unknown => {
  const found = known.get(key);
  if (found !== undefined) return found;
  known.set(key, value);
  return value;
};

/** Control characters separate the parts; a value with such a text is not shared. */
const addTo = (key: string | null, part: unknown): string | null => {
  if (key === null || (typeof part === "object" && part !== null)) return null;
  if (typeof part !== "string") return `${key}\u0001${part}`;
  return part.length > MAX_TEXT || SEPARATOR.test(part) ? null : `${key}\u0002${part}`;
};

const SEPARATOR = /[\u0001\u0002]/;
