/** How a browser may treat a file. */
export type ContentType = {
  /** Value of `Content-Type`. */
  readonly type: string;
  /** True if a browser may show it in place: it contains nothing that runs. */
  readonly inline: boolean;
};

const TEXT: ContentType = { type: "text/plain; charset=utf-8", inline: true };

/** Extensions of text that contains no code for a browser. Browsers show it only as plain text. */
const TEXT_EXTENSIONS = [
  "txt",
  "text",
  "log",
  "out",
  "err",
  "md",
  "csv",
  "tsv",
  "json",
  "jsonl",
  "ndjson",
  "yaml",
  "yml",
  "toml",
  "ini",
  "cfg",
  "conf",
  "diff",
  "patch",
  "sql",
  "tap",
] as const;

const image = (type: string): ContentType => ({ type: `image/${type}`, inline: true });
const other = (type: string): ContentType => ({ type, inline: false });

const TYPES: ReadonlyMap<string, ContentType> = new Map([
  ...TEXT_EXTENSIONS.map((extension) => [extension, TEXT] as const),
  ["png", image("png")],
  ["jpg", image("jpeg")],
  ["jpeg", image("jpeg")],
  ["gif", image("gif")],
  ["webp", image("webp")],
  ["avif", image("avif")],
  ["bmp", image("bmp")],
  ["html", other("text/html; charset=utf-8")],
  ["htm", other("text/html; charset=utf-8")],
  ["svg", other("image/svg+xml")],
  ["xml", other("application/xml")],
  ["pdf", other("application/pdf")],
  ["zip", other("application/zip")],
  ["gz", other("application/gzip")],
  ["tgz", other("application/gzip")],
  ["tar", other("application/x-tar")],
]);

const BINARY = other("application/octet-stream");

/** Returns the content type of a file by the extension of its name. Unknown files are binary. */
export const contentTypeOf = (path: string): ContentType => {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const dot = name.lastIndexOf(".");
  return (dot === -1 ? undefined : TYPES.get(name.slice(dot + 1).toLowerCase())) ?? BINARY;
};
