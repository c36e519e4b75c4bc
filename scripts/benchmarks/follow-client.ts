// Reads a stream with several readers: follow-client.ts URL READERS FILE
// Fails if a reader receives anything but the bytes of FILE. Prints "open" when all readers are connected and "done" at the end.
import { readFileSync } from "node:fs";

const [url = "", readers = "1", file = ""] = process.argv.slice(2);
const expected = readFileSync(file);

/** Reads to the end of the stream. Throws if its bytes differ from the file's. */
const compare = async ({ body }: Response): Promise<void> => {
  let at = 0;
  for await (const chunk of body ?? []) {
    if (expected.compare(chunk, 0, chunk.length, at, at + chunk.length) !== 0)
      throw new Error(`differs after byte ${at}`);
    at += chunk.length;
  }
  if (at !== expected.length) throw new Error(`received ${at} of ${expected.length} bytes`);
};

const open = async (): Promise<Response> => {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} returned ${response.status}`);
  return response;
};
const responses = await Promise.all(Array.from({ length: Number(readers) }, open));
console.log("open");
await Promise.all(responses.map(compare));
console.log("done");
