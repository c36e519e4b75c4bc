import { appendFileSync, closeSync, openAsBlob, readFileSync, writeFileSync, writeSync } from "node:fs";
import { errorMessage } from "../../../lib/error-message.ts";
import { openRegular } from "../../../lib/files/regular-file.ts";
import { formatSize } from "../../../lib/size.ts";
import type { Runtime } from "../../../runtime/runtime.ts";
import { MAX_ANSWER_BYTES, outputsText } from "./answer-outputs.ts";
import { connectionFault, RequestFault } from "./fault.ts";
import { followRedirect, MAX_REDIRECTS } from "./redirect.ts";
import type { HttpRequest } from "./request.ts";
import type { RequestResult } from "./result.ts";
import { retryAfterMs } from "./retry-after.ts";

type HttpRuntime = Pick<Runtime, "request">;

const STDOUT = 1;
const STDERR = 2;

const EXIT_FAILED = 1;

/** EX_TEMPFAIL of sysexits.h: a temporary failure. */
const EXIT_TRANSIENT = 75;

/**
 * The process of an `http` task: sends the request that stdin describes, copies the answer's body to stdout, and returns the exit
 * status. What happens is described on stderr.
 */
export const send = async (runtime: HttpRuntime): Promise<number> => {
  const request: HttpRequest = JSON.parse(readFileSync(0, "utf8"));
  try {
    await exchange(request, runtime);
    return 0;
  } catch (error) {
    if (!(error instanceof RequestFault)) throw error;
    report(`petit: ${error.message}`);
    const result: RequestResult = { error: error.message, retryAfterMs: error.retryAfterMs };
    writeFileSync(request.resultFile, JSON.stringify(result), { mode: 0o600 });
    return error.isTransient ? EXIT_TRANSIENT : EXIT_FAILED;
  }
};

/** Sends the request and those to which it is redirected. Throws RequestFault. */
const exchange = async (request: HttpRequest, runtime: HttpRuntime): Promise<void> => {
  let next: HttpRequest | null = request;
  for (let redirects = 0; next !== null; redirects++) {
    if (redirects > MAX_REDIRECTS)
      throw new RequestFault(`redirected more than ${MAX_REDIRECTS} times`, { isTransient: false });
    next = await exchangeOnce(next, runtime);
  }
};

/** Sends one request. Returns the request to which it is redirected, or null if this was the last. Throws RequestFault. */
const exchangeOnce = async (request: HttpRequest, runtime: HttpRuntime): Promise<HttpRequest | null> => {
  const url = new URL(request.url);
  const startedAt = performance.now();
  const response = await fetchAnswer(request, runtime);
  const next = followRedirect(request, response);
  if (next !== null) {
    report(`${request.method} ${shownUrl(url)}: ${statusText(response)}, redirected to ${shownUrl(new URL(next.url))}`);
    await response.body?.cancel();
    return next;
  }
  const needsText = Object.keys(request.outputs).length > 0 && isExpected(request, response.status);
  const { bytes, text } = await copyBody(response, { url, keepsText: needsText });
  const ms = Math.round(performance.now() - startedAt);
  report(`${request.method} ${shownUrl(url)}: ${statusText(response)}, ${formatSize(bytes)} in ${ms} ms`);
  if (!isExpected(request, response.status)) throw statusFault(response);
  if (text !== null)
    appendFileSync(process.env.PETIT_OUTPUT ?? "", outputsText(text, request.outputs), { mode: 0o600 });
  return null;
};

const fetchAnswer = async ({ url, method, headers, body, caFile }: HttpRequest, runtime: HttpRuntime) => {
  const all = new Headers(headers.map(({ name, value }): [string, string] => [name, value]));
  if (!all.has("user-agent")) all.set("user-agent", "petit");
  if (body?.kind === "text" && !all.has("content-type")) all.set("content-type", body.contentType);
  if (body?.kind === "file" && !all.has("content-type")) all.set("content-type", "application/octet-stream");
  const ca =
    caFile === null ? null : await readLocal(caFile, `ca_file ${caFile}`, (path) => readFileSync(path, "utf8"));
  const content = body?.kind === "file" ? await readLocal(body.path, `file ${body.path}`, openAsBlob) : body?.text;
  try {
    return await runtime.request(url, { method, headers: all, body: content ?? null, redirect: "manual", ca });
  } catch (error) {
    throw connectionFault(error, new URL(url));
  }
};

/** Reads a regular file. A pipe or a device may never end. */
const readLocal = async <T>(path: string, name: string, read: (path: string) => T | Promise<T>): Promise<T> => {
  try {
    const fd = openRegular(path);
    if (fd === null) throw new Error("it is not a regular file");
    closeSync(fd);
    return await read(path);
  } catch (error) {
    const why = errorMessage(error);
    throw new RequestFault(`${name} can't be read: ${why}`, { isTransient: false });
  }
};

type CopyOptions = { readonly url: URL; readonly keepsText: boolean };

/** Copies a body to stdout piece by piece. Returns its size, and with `keepsText` also its text. */
const copyBody = async (
  { body }: Response,
  { url, keepsText }: CopyOptions,
): Promise<{ readonly bytes: number; readonly text: string | null }> => {
  const kept: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body ?? []) {
      bytes += chunk.length;
      if (keepsText && bytes <= MAX_ANSWER_BYTES) kept.push(chunk);
      writeAll(chunk);
    }
  } catch (error) {
    if (error instanceof RequestFault) throw error;
    throw connectionFault(error, url);
  }
  if (keepsText && bytes > MAX_ANSWER_BYTES)
    throw new RequestFault(`the answer has more than ${formatSize(MAX_ANSWER_BYTES)}, so its outputs can't be read`, {
      isTransient: false,
    });
  return { bytes, text: keepsText ? new TextDecoder().decode(Buffer.concat(kept)) : null };
};

const writeAll = (chunk: Uint8Array): void => {
  try {
    for (let at = 0; at < chunk.length; ) at += writeSync(STDOUT, chunk, at);
  } catch (error) {
    throw new RequestFault(`the answer can't be stored: ${error instanceof Error ? error.message : error}`, {
      isTransient: true,
    });
  }
};

const isExpected = ({ statuses }: HttpRequest, status: number): boolean =>
  statuses === null ? status >= 200 && status <= 299 : statuses.includes(status);

const statusFault = (response: Response): RequestFault => {
  const { status, headers } = response;
  const isTransient = TRANSIENT_STATUSES.has(status) || status >= 500;
  const delay = isTransient ? retryAfterMs(headers, Date.now()) : null;
  const wait = delay === null ? "" : `; it asks to wait ${Math.ceil(delay / 1_000)} s`;
  return new RequestFault(`the server answered ${statusText(response)}${wait}`, { isTransient, retryAfterMs: delay });
};

/** Client errors worth retrying: 408 Request Timeout, 425 Too Early, 429 Too Many Requests. */
const TRANSIENT_STATUSES: ReadonlySet<number> = new Set([408, 425, 429]);

const statusText = ({ status, statusText }: Response): string =>
  statusText === "" ? String(status) : `${status} ${statusText}`;

/** Returns a URL without what can be a secret. */
const shownUrl = ({ origin, pathname, search }: URL): string => `${origin}${pathname}${search === "" ? "" : "?…"}`;

const report = (line: string): void => {
  writeSync(STDERR, `${line}\n`);
};
