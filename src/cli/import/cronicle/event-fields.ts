import type { Remarks } from "../remarks.ts";
import type { Plain, PlainMap } from "./export.ts";

/** The fields of an event or of its params. It knows which were used, so that the others can be named. */
export class EventFields {
  readonly file: string;
  readonly line: number;
  readonly remarks: Remarks;
  private readonly map: PlainMap;
  private readonly used = new Set<string>();

  constructor(
    map: PlainMap,
    { file, line, remarks }: { readonly file: string; readonly line: number; readonly remarks: Remarks },
  ) {
    this.map = map;
    this.file = file;
    this.line = line;
    this.remarks = remarks;
  }

  /** Returns a field; undefined if it is missing, empty or null. */
  take(name: string): Plain | undefined {
    this.used.add(name);
    const value = this.map[name];
    return value === "" || value === null ? undefined : value;
  }

  text(name: string): string | null {
    const value = this.take(name);
    return value === undefined || typeof value === "object" ? null : String(value);
  }

  /** Returns a number above 0, which can be given as a text. A larger one than `max` is named; the default is about 95 years in seconds. */
  number(name: string, max = 3_000_000_000): number | null {
    const value = Number(this.text(name) ?? Number.NaN);
    if (!Number.isFinite(value) || value <= 0) return null;
    if (value <= max) return value;
    this.leaveOut(name, `expected a number up to ${max}`);
    return null;
  }

  /** Cronicle writes 1 and 0. */
  boolean(name: string): boolean {
    const value = this.take(name);
    return value === true || value === 1 || value === "1" || value === "true";
  }

  leaveOut(name: string, why: string): void {
    this.used.add(name);
    this.remarks.leaveOut(this.placeOf(name), why);
  }

  note(name: string, note: string): void {
    this.used.add(name);
    this.remarks.note(this.placeOf(name), note);
  }

  /** Names what nothing has used and what has an effect: an empty value, 0 and false have none. */
  nameTheRest(reasons: Readonly<Record<string, string>>): void {
    for (const [name, value] of Object.entries(this.map)) {
      if (this.used.has(name) || value === "" || value === null || value === 0 || value === false || value === "0")
        continue;
      this.leaveOut(name, Object.hasOwn(reasons, name) ? (reasons[name] ?? "") : "petit has no field for it");
    }
  }

  names(): readonly string[] {
    return Object.keys(this.map);
  }

  /** Returns all fields, and takes them. */
  all(): PlainMap {
    for (const name of this.names()) this.used.add(name);
    return this.map;
  }

  private placeOf(name: string) {
    const value = this.map[name];
    const text = typeof value === "object" ? JSON.stringify(value) : String(value);
    return { file: this.file, line: this.line, text: value === undefined ? name : `${name}: ${text}` };
  }
}
