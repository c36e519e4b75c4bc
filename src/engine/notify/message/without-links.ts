/** Invisible, and not a part of a URL. */
const WORD_JOINER = "\u2060";

/** Separates the scheme of URLs from the rest, so that clients do not turn them into links. */
export const withoutUrls = (text: string): string => text.replace(/:(?=\/\/)/g, `:${WORD_JOINER}`);

/** Does the same for names and addresses of hosts, which some clients turn into links as well. */
export const withoutLinks = (text: string): string =>
  withoutUrls(text)
    .replace(/(?<=[\p{L}\p{N}])\.(?=\p{L})/gu, `.${WORD_JOINER}`)
    .replace(/(?<=\d)\.(?=\d{1,3}\.\d{1,3}\.\d{1,3})/g, `.${WORD_JOINER}`);
