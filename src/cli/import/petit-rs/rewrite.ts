import type { Entry, MapNode, Node } from "../../../jobfile/parse/node.ts";
import { makePositions } from "../../../jobfile/parse/positions.ts";
import type { Fate, ImportProblem } from "../imported.ts";
import { YamlEdits } from "./yaml-edits.ts";

/** The key of the config whose value is `$`. */
export const DOLLAR = "dollar";

/** A job file of the Rust petit that is being rewritten: the changes to it, and what is to say about them. */
export class Rewrite {
  readonly file: string;
  readonly edits: YamlEdits;
  readonly notes: string[] = [];
  readonly leftOut: Fate[] = [];
  readonly problems: ImportProblem[] = [];
  /** True if a template refers to the `DOLLAR` of the config. */
  needsDollar = false;
  readonly lineOf: (offset: number) => number;

  constructor(file: string, text: string) {
    this.file = file;
    this.edits = new YamlEdits(text);
    const positions = makePositions(text);
    this.lineOf = (offset) => positions(offset).line;
  }

  /** Adds something that is different, for the line of the job. */
  note(text: string): void {
    if (!this.notes.includes(text)) this.notes.push(text);
  }

  problem(at: number, message: string): void {
    if (this.problems.some((known) => known.message === message && known.line === this.lineOf(at))) return;
    this.problems.push({ file: this.file, line: this.lineOf(at), message });
  }

  /** Takes a field out, and says why. */
  leaveOut(map: MapNode, entry: Entry, reason: string): void {
    this.edits.remove(map, entry, `Left out: ${reason}.`);
    const line = this.lineOf(entry.keyAt);
    this.leftOut.push({ file: this.file, line, outcome: "left_out", jobId: null, notes: [reason] });
  }

  /** Takes out the fields that the Rust petit ignores; here they are errors, or have an effect. Returns the others. */
  keepKnown(map: MapNode, known: readonly string[]): ReadonlyMap<string, Entry> {
    const kept = new Map<string, Entry>();
    for (const entry of map.entries) {
      if (entry.keyAt < map.at) this.problem(map.at, NO_MERGE);
      else if (known.includes(entry.key)) kept.set(entry.key, entry);
      else this.leaveOut(map, entry, `the Rust petit ignores the field '${entry.key}'`);
    }
    return kept;
  }

  /** Writes `${{`, which starts a template here, as a template for its `$` and the rest. */
  escapeTemplates(text: string): string {
    if (!text.includes("${{")) return text;
    this.needsDollar = true;
    return text.replaceAll("${{", `\${{ config.${DOLLAR} }}{{`);
  }

  /** Puts a number, a boolean or an empty value in quotes where the Rust petit reads its text. */
  quote(node: Node | undefined): void {
    if (node?.kind === "scalar" && typeof node.value !== "string" && node.source !== "")
      this.edits.setScalar(node, JSON.stringify(node.source));
  }
}

/** Merged entries are in front of their map: an alias refers to an earlier value. */
const NO_MERGE = "'<<' is ignored by the Rust petit; expected the fields themselves, or no '<<'";

/** Returns the text of a scalar as the Rust petit reads it, or null. */
export const textOf = (node: Node | undefined): string | null => {
  if (node?.kind !== "scalar") return null;
  return typeof node.value === "string" ? node.value : node.source;
};

/** Writes a text as YAML that is read as a text: without quotes where that is certain. */
export const yamlText = (text: string): string =>
  /^[A-Za-z/][\w./-]*$/.test(text) && !/^(true|false|null)$/i.test(text) ? text : JSON.stringify(text);
