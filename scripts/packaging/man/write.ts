// Writes the pages of the manual into a folder: write.ts FOLDER VERSION DATE
// They come from the declarations of the commands, so that they say what --help says. No library is used: those that turn Markdown
// into roff would need Markdown as a step between.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { manualPages } from "./pages.ts";
import { roffOf } from "./roff.ts";

const [folder = "", version = "", date = ""] = process.argv.slice(2);
for (const page of manualPages()) {
  const place = join(folder, `man${page.section}`);
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, `${page.name}.${page.section}`), roffOf(page, { version, date: date.slice(0, 10) }));
}
