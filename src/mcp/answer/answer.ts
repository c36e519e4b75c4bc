import { type Data, fit } from "./data.ts";
import { fenced, fenceLength } from "./fence.ts";

/** What a tool answers: fields, and perhaps a list that another call can continue. */
export type Answer = {
  readonly fields: { readonly [name: string]: Data };
  readonly list?: AnswerList;
};

type AnswerList = {
  /** Its entries in order. An entry of `lines` is one line of untrusted text. */
  readonly entries: readonly AnswerEntry[];
  /** The field of the entries. Missing for `lines`, which are behind the fields, in a fence. */
  readonly name?: string;
  /** What the lines are, for the fence. */
  readonly lines?: string;
  /** The cursor with which the answer continues after all entries; null if there is nothing more. */
  readonly cursor: string | null;
};

export type AnswerEntry = {
  readonly data: Data;
  /** The cursor with which the answer continues after this entry. */
  readonly cursor: string;
};

/** Maximum of characters of the text of an answer. */
export const MAX_CHARACTERS = 25_000;

/** Maximum of characters of the fields, and of each entry. */
const MAX_FIELDS = 10_000;
const MAX_ENTRY = 4_000;

/** Room for the cursor, brackets and line breaks. */
const RESERVE = 500;

/** Returns the text of an answer, at most `MAX_CHARACTERS` long. A list that does not fit ends with a cursor. */
export const answerText = ({ fields, list }: Answer): string => {
  const head = fit(fields, MAX_FIELDS);
  if (list === undefined) return head;
  const { shown, cursor } = select(list, MAX_CHARACTERS - head.length - RESERVE - fenceLength(list.lines));
  const more = cursor === null ? "" : `,"cursor":${JSON.stringify(cursor)}`;
  const start = head === "{}" ? `{"count":${shown.length}` : `${head.slice(0, -1)},"count":${shown.length}`;
  if (list.lines !== undefined)
    return shown.length === 0 ? `${start}${more}}` : `${start}${more}}\n${fenced(shown, list.lines)}`;
  const entries = shown.length === 0 ? "[]" : `[\n${shown.join(",\n")}\n]`;
  return `${start}${more},${JSON.stringify(list.name ?? "entries")}:${entries}}`;
};

/** Returns the entries that fit in `room` characters, and the cursor of the rest. At least one entry is shown. */
const select = ({ entries, lines, cursor }: AnswerList, room: number) => {
  const shown: string[] = [];
  let used = 0;
  for (const [index, { data }] of entries.entries()) {
    const text = lines === undefined ? fit(data, MAX_ENTRY) : String(data);
    used += text.length + 2;
    if (used > room && index > 0) return { shown, cursor: entries[index - 1]?.cursor ?? null };
    shown.push(text);
  }
  return { shown, cursor };
};
