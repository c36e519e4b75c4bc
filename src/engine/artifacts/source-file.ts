import { fstatSync, read } from "node:fs";
import { describing } from "./artifact-error.ts";
import type { FoundFile } from "./find-files.ts";

/** A file that is read once, from its start. */
export type SourceFile = {
  /** Relative to the folder in which it was found. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Reads up to the length of the buffer. Returns the number of bytes, 0 at the end. Throws ArtifactError. */
  readonly read: (buffer: Buffer) => Promise<number>;
};

/** Returns an open file as a source. */
export const sourceOf = ({ fd, path }: FoundFile): SourceFile => {
  let position = 0;
  return {
    path,
    sizeBytes: fstatSync(fd).size,
    read: async (buffer) => {
      const length = await describing(`cannot read ${path}`, () => readAsync(fd, buffer, position));
      position += length;
      return length;
    },
  };
};

const readAsync = (fd: number, buffer: Buffer, position: number): Promise<number> =>
  new Promise((resolve, reject) => {
    read(fd, buffer, 0, buffer.length, position, (error, length) => (error === null ? resolve(length) : reject(error)));
  });
