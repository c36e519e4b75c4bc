import { errorMessage } from "../../lib/error-message.ts";
import { escapeUnprintable } from "../../lib/text.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { EXIT, Failure } from "../exit.ts";
import { isVersion } from "./version-order.ts";

/** The newest release at an address. */
export type Release = { readonly version: string; readonly date: string | null };

type Requester = Pick<Runtime, "request">;

const TIMEOUT_MS = 15_000;
const MAX_REDIRECTS = 5;
const MAX_BYTES = 1024 * 1024;

/** Reads the manifest of the newest release. Throws a `Failure` that says why it can't be read. */
export const readLatestRelease = async (base: string, { request }: Requester): Promise<Release> => {
  const url = `${base.replace(/\/+$/, "")}/latest/download/manifest.json`;
  try {
    return parseManifest(await textAt(url, request));
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw unreadable(url, reasonOf(error), error);
  }
};

const unreadable = (url: string, reason: string, cause?: unknown): Failure =>
  new Failure(EXIT.FAILED, `the newest release is unknown: ${url} can't be read: ${escapeUnprintable(reason)}`, {
    cause,
  });

const reasonOf = (error: unknown): string =>
  error instanceof DOMException && error.name === "TimeoutError"
    ? `no answer within ${TIMEOUT_MS / 1000} s`
    : errorMessage(error);

/** Follows redirects, as a server of downloads sends them, but not from https to http. */
const textAt = async (first: string, request: Runtime["request"]): Promise<string> => {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  let url = first;
  for (let count = 0; count <= MAX_REDIRECTS; count++) {
    const response = await request(url, {
      redirect: "manual",
      signal,
      headers: { accept: "application/json" },
      ca: null,
    });
    const next = response.status >= 300 && response.status < 400 ? response.headers.get("location") : null;
    if (next === null) {
      if (!response.ok) throw new Error(`it answers with status ${response.status}`);
      return await textOf(response);
    }
    await response.body?.cancel();
    const target = new URL(next, url);
    if (url.startsWith("https:") && target.protocol !== "https:") throw new Error("it redirects to http");
    url = target.href;
  }
  throw new Error(`it redirects more than ${MAX_REDIRECTS} times`);
};

const textOf = async (response: Response): Promise<string> => {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MAX_BYTES) throw new Error(`it has more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
};

/** `scripts/release` writes the manifest. */
const parseManifest = (text: string): Release => {
  const manifest = parseObject(text);
  const { name, version, date } = manifest;
  if (name !== "petit" || typeof version !== "string" || !isVersion(version))
    throw new Error("it is not the manifest of a release of petit");
  return { version, date: typeof date === "string" && /^\d{4}-\d\d-\d\d/.test(date) ? date.slice(0, 10) : null };
};

const parseObject = (text: string): Readonly<Record<string, unknown>> => {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return { ...value };
  } catch {
    // Said below.
  }
  throw new Error("it is not the manifest of a release of petit");
};
