import { EXIT, type ExitStatus } from "../exit.ts";
import { Failure } from "../failure.ts";

/** Passes on what was answered well; throws a `Failure` with what petit, or whoever it is, said else. */
export const checked = async (response: Response, hasToken: boolean): Promise<Response> => {
  if (response.ok) return response;
  const refusal = parseRefusal(await response.text().catch(() => ""));
  if (refusal === null) throw strange(response);
  const { error, code } = refusal;
  const message = code === "UNAUTHORIZED" ? tokenAdvice(hasToken) : inFlags(error);
  throw new Failure(STATUS_OF[code] ?? EXIT.FAILED, message, { code });
};

/** What isn't petit's own shape comes from something in between, or from something else altogether. */
export const strange = (response: Response, cause?: unknown): Failure => {
  const { origin, pathname } = new URL(response.url);
  const type = response.headers.get("content-type")?.split(";")[0] ?? "no content type";
  const answered = `${origin}${pathname} didn't answer as petit does (${response.status}, ${type})`;
  // A proxy says so where what is behind it is gone.
  const status = [502, 503, 504].includes(response.status) ? EXIT.UNREACHABLE : EXIT.FAILED;
  return new Failure(status, `${answered}; name petit's own address with --url`, { cause });
};

const tokenAdvice = (hasToken: boolean): string => {
  const what = hasToken ? "the token is not the one that this petit knows" : "this petit wants a token";
  return `${what}; give it with --token-file FILE, or in the variable PETIT_API_TOKEN`;
};

/** What the API says of its parameters, said of the flags that they come from. */
const inFlags = (message: string): string =>
  message.replace(/^query parameter '([a-z]+)': /, "--$1: ").replace("(from=start ", "(--from-start ");

const parseRefusal = (text: string): { readonly error: string; readonly code: string } | null => {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body !== "object" || body === null || !("error" in body) || !("code" in body)) return null;
    return { error: String(body.error), code: String(body.code) };
  } catch {
    return null;
  }
};

const STATUS_OF: Readonly<Record<string, ExitStatus>> = {
  NOT_FOUND: EXIT.USAGE,
  INVALID_REQUEST: EXIT.USAGE,
  UNAUTHORIZED: EXIT.USAGE,
  FORBIDDEN: EXIT.USAGE,
};
