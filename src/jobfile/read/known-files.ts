import type { FileContent } from "./job-file.ts";
import type { FileState } from "./scan.ts";

/** What earlier readings of the same folder found in its files. */
export interface KnownFiles {
  /** Returns what a file in this state contained; null if it must be read. */
  find(file: string, state: FileState): KnownFile | null;
  /** Records what a valid file contains. */
  add(file: string, read: ReadFile): void;
}

export type KnownFile = {
  readonly content: FileContent;
  /** SHA-256 of the file, in hexadecimal. */
  readonly digest: string;
  /** False if the file could have changed without changing its state. Its digest must then be compared. */
  readonly isSettled: boolean;
};

export type ReadFile = {
  /** State of the file before it was read. */
  readonly state: FileState;
  readonly digest: string;
  /** Has no problems. */
  readonly content: FileContent;
};
