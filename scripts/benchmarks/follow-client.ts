// Readers of a stream in a process of their own: URL READERS FILE. Each reads to the end, and what it reads has to be what is
// in the file, byte for byte. Prints "open" when each has the first of it, and "done" when each has all.
import { readFileSync } from "node:fs";

const [url = "", readers = "1", file = ""] = process.argv.slice(2);
const expected = readFileSync(file);

/** Ends with the stream. Throws where a byte is missing, is one too many, or is another. */
const compare = async ({ body }: Response): Promise<void> => {
  let at = 0;
  for await (const chunk of body ?? []) {
    if (expected.compare(chunk, 0, chunk.length, at, at + chunk.length) !== 0)
      throw new Error(`differs after byte ${at}`);
    at += chunk.length;
  }
  if (at !== expected.length) throw new Error(`${at} bytes of ${expected.length}`);
};

const open = async (): Promise<Response> => {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} was answered ${response.status}`);
  return response;
};
const responses = await Promise.all(Array.from({ length: Number(readers) }, open));
console.log("open");
await Promise.all(responses.map(compare));
console.log("done");
