import { escapeUnprintable } from "../../lib/text.ts";
import type { Fate } from "./imported.ts";

/** A place of the source: a setting in its file. `text` is what stands there, such as `Nice=5`. */
export type SourcePlace = { readonly file: string; readonly line: number; readonly text: string };

/** Collects what is to be said about the settings of a job: what is different, and what is left out. */
export class Remarks {
  private readonly remarks: (SourcePlace & { readonly isLeftOut: boolean; readonly note: string })[] = [];

  /** Says what is different about a setting that is kept, or why it is not needed. */
  note(place: SourcePlace, note: string): void {
    this.remarks.push({ ...place, isLeftOut: false, note });
  }

  /** Says why nothing comes of a setting. */
  leaveOut(place: SourcePlace, why: string): void {
    this.remarks.push({ ...place, isLeftOut: true, note: why });
  }

  /** Returns a line for each remark, for the report, in the order of the files. */
  fates(): readonly Fate[] {
    return this.sorted().map(({ file, line, text, isLeftOut, note }) => ({
      file,
      line,
      outcome: isLeftOut ? "left_out" : "setting",
      jobId: null,
      notes: [`${shortened(text)}: ${note}`],
    }));
  }

  /** Returns the remarks as lines of a comment. */
  comments(): readonly string[] {
    return this.sorted().map(({ text, isLeftOut, note }) =>
      escapeUnprintable(`${isLeftOut ? "Not imported" : "Note"}: ${shortened(text)}: ${note}.`),
    );
  }

  private sorted() {
    const files = [...new Set(this.remarks.map(({ file }) => file))];
    return this.remarks.toSorted((a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line);
  }
}

const MAX_LENGTH = 200;

const shortened = (text: string): string => {
  const line = text.replace(/\s*\n\s*/g, " ").trim();
  return line.length > MAX_LENGTH ? `${line.slice(0, MAX_LENGTH)}…` : line;
};
