// Prints the systemd unit of a petit in /usr/local/bin/petit, which need not exist on this machine.
import { createHash } from "node:crypto";
import { join } from "node:path";
import { isUnedited } from "../../src/app/systemd/unit-file.ts";

const MAIN = join(import.meta.dir, "../../src/main.ts");

/** A placeholder that exists on every machine. It is not in a home folder, which a service cannot read. */
const PLACEHOLDER = "/usr/bin/env";

const print = [process.execPath, MAIN, "service", "print", "--exec", PLACEHOLDER];
const printed = Bun.spawnSync(print, { stderr: "inherit" }).stdout.toString();
// The first line has a checksum of the others.
const [, ...lines] = printed.replaceAll(PLACEHOLDER, "/usr/local/bin/petit").split("\n");
const text = lines.join("\n");
const unit = `# petit-unit sha256:${createHash("sha256").update(text).digest("hex")}\n${text}`;
if (!isUnedited(unit)) throw new Error("the unit's first line has another format than this script expects");
process.stdout.write(unit);
