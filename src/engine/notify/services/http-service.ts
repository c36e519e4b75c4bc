import type { NotifyType, TargetOf } from "../../../domain/notification.ts";
import { checkWebServer } from "../check-web-server.ts";
import { type Message, messageOf } from "../message/message.ts";
import { type NotifyRequest, type ReadAnswer, readCommonAnswer, send } from "../send.ts";
import type { Notice, NotifyService } from "./notify-service.ts";

/** A notification for a target that is reached over HTTP. */
export type HttpSending<Type extends NotifyType> = {
  readonly notice: Notice;
  readonly target: TargetOf<Type>;
  /** The URL of the target, which is valid. */
  readonly url: string;
  /** The texts that can be secret, by the path of their field. */
  readonly values: ReadonlyMap<string, string>;
  /** In ms since the epoch. */
  readonly now: number;
};

/** Why a request can't be built. It contains no secret. */
type Problem = { readonly problem: string };

/** Returns a service that gets one HTTP request for each notification. */
export const httpService = <Type extends NotifyType>(
  requestOf: (sending: HttpSending<Type>) => NotifyRequest | Problem,
): NotifyService<Type> => ({
  send: async (notice, { target, values }, { clock, runtime, signal }) => {
    const url = values.get("url") ?? "";
    const request = isPlainUrl(url)
      ? requestOf({ notice, target, url, values, now: clock.now() })
      : { problem: "its URL is invalid; expected a URL such as https://example.com/hook" };
    if ("problem" in request) return { kind: "failed", why: request.problem, retryAfterMs: null };
    return await send(request, { clock, runtime, timeoutMs: target.timeoutMs, signal });
  },
  check: async ({ values }, { environment, timeoutMs }) =>
    await checkWebServer(values.get("url") ?? "", { environment, timeoutMs }),
  connectionKey: ({ values }) => {
    const url = values.get("url") ?? "";
    return URL.canParse(url) ? new URL(url).origin : null;
  },
});

const isPlainUrl = (text: string): boolean => {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return (protocol === "http:" || protocol === "https:") && username + password === "";
};

/** The request of a message to people, whose payload is sent as JSON. */
type MessageRequest = {
  readonly url: string;
  readonly payload: unknown;
  /** POST by default. */
  readonly method?: NotifyRequest["method"];
  readonly headers?: NotifyRequest["headers"];
  /** What an error must not show, beside the URL and the parts of its path. */
  readonly secrets?: readonly string[];
  readonly readAnswer?: ReadAnswer;
};

/** Returns a service that gets a message for people. */
export const messageService = <Type extends NotifyType>(
  requestOf: (message: Message, sending: HttpSending<Type>) => MessageRequest | Problem,
): NotifyService<Type> =>
  httpService((sending) => {
    const request = requestOf(messageOf(JSON.parse(sending.notice.notice)), sending);
    return "problem" in request ? request : encode(request);
  });

const encode = ({ url, payload, method, headers, secrets = [], readAnswer }: MessageRequest): NotifyRequest => ({
  url,
  method: method ?? "POST",
  headers: { "User-Agent": "petit", "Content-Type": "application/json", ...headers },
  body: JSON.stringify(payload),
  readAnswer: readAnswer ?? readCommonAnswer,
  secrets: [url, ...new URL(url).pathname.split("/").filter((part) => part.length >= MIN_SECRET), ...secrets],
});

/** Shorter parts of a path, such as `hooks`, are words and not secrets. */
const MIN_SECRET = 8;
