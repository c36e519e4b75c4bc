// Bundles src/web for browsers and writes all its files into one, a line each: path, content type, the SHA-256 of the
// content and, compressed by gzip, the content in base64. Usage: scripts/bundle-page.ts FILE under Bun; see scripts/build-page.
import { createHash } from "node:crypto";
import { mkdirSync, renameSync, utimesSync, writeFileSync } from "node:fs";
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
  const files = await Promise.all(
    outputs.filter(isLoaded).map(async (output) => ({
      path: `/${output.path.replace(/^\.?\//, "")}`,
      type: output.type,
      bytes: new Uint8Array(await output.arrayBuffer()),
    })),
  );
  return files.flatMap(withoutFonts);
};

const isLoaded = ({ path }: { readonly path: string }): boolean => !/-view-\w+\.css$/.test(path);

/** The bundler puts a font into its stylesheet, which all else waits for: a file of its own comes beside it. */
const withoutFonts = (file: File): readonly File[] => {
  if (!file.path.endsWith(".css")) return [file];
  const fonts: File[] = [];
  const css = Buffer.from(file.bytes)
    .toString()
    .replace(/data:font\/woff2;base64,([\w+/=]+)/g, (_, base64: string) => {
      const bytes = Buffer.from(base64, "base64");
      const path = `/assets/font-${digestOf(bytes).slice(0, 8)}.woff2`;
      fonts.push({ path, type: "font/woff2", bytes });
      return path;
    });
  return [{ ...file, bytes: Buffer.from(css) }, ...fonts];
};

const digestOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("base64url");

const lineOf = ({ path, type, bytes }: File): string => {
  return [path, type, digestOf(bytes).slice(0, 22), gzipSync(bytes, { level: 9 }).toString("base64")].join("\t");
};

const startedAt = new Date();
const files = await bundle();
mkdirSync(dirname(FILE), { recursive: true });
// Whole or not at all: two may build at once.
writeFileSync(`${FILE}.${process.pid}`, `${files.map(lineOf).join("\n")}\n`);
// What changes while it is bundled is newer than it.
utimesSync(`${FILE}.${process.pid}`, startedAt, startedAt);
renameSync(`${FILE}.${process.pid}`, FILE);

for (const { path, bytes } of files) {
  const zipped = gzipSync(bytes, { level: 9 }).length;
  console.error(
    `${path.padEnd(40)} ${(bytes.length / 1024).toFixed(1).padStart(8)} KB ${(zipped / 1024).toFixed(1).padStart(8)} KB compressed`,
  );
}
