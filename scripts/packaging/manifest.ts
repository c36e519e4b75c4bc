// Prints the manifest of a folder of release files as JSON: manifest.ts FOLDER VERSION COMMIT DATE
import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

const [folder = "", version = "", commit = "", date = ""] = process.argv.slice(2);

const ARCHIVE = /^petit-(?<os>linux|darwin|windows)-(?<arch>x64|arm64)(?:-(?<libc>musl))?\.(?:tar\.gz|zip)$/;

const PACKAGE = /^petit[-_].*[._](?<arch>amd64|x86_64|arm64|aarch64)\.(?:deb|rpm)$/;

/** The names that packages have for architectures. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  amd64: "x64",
  x86_64: "x64",
  arm64: "arm64",
  aarch64: "arm64",
};

const platformOf = (file: string) => {
  const { arch: packaged } = PACKAGE.exec(file)?.groups ?? {};
  if (packaged !== undefined) return { os: "linux", arch: ARCHITECTURES[packaged], libc: "glibc" };
  const { os, arch, libc } = ARCHIVE.exec(file)?.groups ?? {};
  return os === undefined ? {} : { os, arch, libc: os === "linux" ? (libc ?? "glibc") : null };
};

const artifact = (file: string) => {
  const bytes = readFileSync(join(folder, file));
  return {
    file,
    ...platformOf(file),
    bytes: bytes.length,
    sha256: createHash("sha256").update(bytes).digest("hex"),
  };
};

const files = globSync("*", { cwd: folder }).sort();
const listed = files.filter((file) => !["manifest.json", "SHA256SUMS"].includes(file));
console.log(JSON.stringify({ name: "petit", version, commit, date, files: listed.map(artifact) }, null, 2));
