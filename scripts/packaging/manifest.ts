// Prints the manifest of a folder of release files as JSON: manifest.ts FOLDER VERSION COMMIT DATE
import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

const [folder = "", version = "", commit = "", date = ""] = process.argv.slice(2);

const ARCHIVE = /^petit-(?<os>linux|darwin|windows)-(?<arch>x64|arm64)(?:-(?<libc>musl))?\.(?:tar\.gz|zip)$/;

const artifact = (file: string) => {
  const { os, arch, libc } = ARCHIVE.exec(file)?.groups ?? {};
  const bytes = readFileSync(join(folder, file));
  return {
    file,
    ...(os === undefined ? {} : { os, arch, libc: os === "linux" ? (libc ?? "glibc") : null }),
    bytes: bytes.length,
    sha256: createHash("sha256").update(bytes).digest("hex"),
  };
};

const files = globSync("*", { cwd: folder }).sort();
const listed = files.filter((file) => !["manifest.json", "SHA256SUMS"].includes(file));
console.log(JSON.stringify({ name: "petit", version, commit, date, files: listed.map(artifact) }, null, 2));
