// Writes the systemd unit of a petit that is installed as /usr/local/bin/petit, where there may be none here, to stdout.
import { createHash } from "node:crypto";
import { join } from "node:path";
import { isUnedited } from "../../src/app/systemd/unit-file.ts";

const MAIN = join(import.meta.dir, "../../src/main.ts");

/** Some program that is on every machine, and in no home folder: a service could not see it there. */
const ANY = "/usr/bin/env";

const print = [process.execPath, MAIN, "service", "print", "--exec", ANY];
const printed = Bun.spawnSync(print, { stderr: "inherit" }).stdout.toString();
// Its first line has a checksum of the others.
const [, ...lines] = printed.replaceAll(ANY, "/usr/local/bin/petit").split("\n");
const text = lines.join("\n");
const unit = `# petit-unit sha256:${createHash("sha256").update(text).digest("hex")}\n${text}`;
if (!isUnedited(unit)) throw new Error("the unit has another first line than it had");
process.stdout.write(unit);
