// Bundles src/web for browsers and writes all its files into one, a line each: path, content type, the SHA-256 of the
// content and, compressed by gzip, the content in base64. Usage: scripts/bundle-page.ts FILE under Bun; see scripts/build-page.
import { createHash } from "node:crypto";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";

const ROOT = join(import.meta.dirname, "..");
const FILE = process.argv[2] ?? join(ROOT, "dist/web/page.txt");

type File = { readonly path: string; readonly type: string; readonly bytes: Uint8Array };

const bundle = async (): Promise<readonly File[]> => {
  const { outputs } = await Bun.build({
    entrypoints: [join(ROOT, "src/web/index.html")],
    target: "browser",
    splitting: true,
    minify: true,
    publicPath: "/",
    naming: { entry: "[name].[ext]", chunk: "assets/[name]-[hash].[ext]", asset: "assets/[name]-[hash].[ext]" },
    define: { "process.env.NODE_ENV": '"production"' },
  });
  // The stylesheet of the page holds those of all views; those that come with each view are loaded by nobody.
  return await Promise.all(
    outputs.filter(isLoaded).map(async (output) => ({
      path: `/${output.path.replace(/^\.?\//, "")}`,
      type: output.type,
      bytes: new Uint8Array(await output.arrayBuffer()),
    })),
  );
};

const isLoaded = ({ path }: { readonly path: string }): boolean => !/-view-\w+\.css$/.test(path);

const lineOf = ({ path, type, bytes }: File): string => {
  const digest = createHash("sha256").update(bytes).digest("base64url").slice(0, 22);
  return [path, type, digest, gzipSync(bytes, { level: 9 }).toString("base64")].join("\t");
};

const files = await bundle();
mkdirSync(dirname(FILE), { recursive: true });
// Whole or not at all: two may build at once.
writeFileSync(`${FILE}.${process.pid}`, `${files.map(lineOf).join("\n")}\n`);
renameSync(`${FILE}.${process.pid}`, FILE);

for (const { path, bytes } of files) {
  const zipped = gzipSync(bytes, { level: 9 }).length;
  console.error(
    `${path.padEnd(40)} ${(bytes.length / 1024).toFixed(1).padStart(8)} KB ${(zipped / 1024).toFixed(1).padStart(8)} KB compressed`,
  );
}
