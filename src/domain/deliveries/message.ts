/** The streams of petit itself: offers to workers, the record of the scheduler, scripts and artifacts. */
const OWN_STREAM = /^(?:petit_|OBJ_petit-)/;

/** A character that can be in no name of NATS. */
const FORBIDDEN = /[\s\p{Cc}]/u;

/** Returns why a text can't name a stream, as the end of a sentence; or null. */
export const whyNotStream = (text: string): string | null => {
  if (FORBIDDEN.test(text) || /[.*>/\\]/.test(text))
    return "is not the name of a stream; expected one without spaces and without '.', '*', '>', '/' and '\\'";
  return OWN_STREAM.test(text) ? "is a stream of petit itself; expected another one" : null;
};

/** Returns why a text can't be a subject, which may contain wildcards, as the end of a sentence; or null. */
export const whyNotSubject = (text: string): string | null => {
  if (FORBIDDEN.test(text)) return "contains a space; expected a subject such as orders.created or orders.*";
  const tokens = text.split(".");
  if (tokens.includes("")) return "has an empty part; expected parts that are separated by one '.'";
  const wrong = tokens.find((token) => token.length > 1 && /[*>]/.test(token));
  if (wrong !== undefined)
    return `has a wildcard within the part '${wrong}'; expected '*' or '>' as a whole part, such as orders.*`;
  return tokens.slice(0, -1).includes(">") ? "has '>' before its end; expected it as the last part" : null;
};

/** Returns whether a subject is one of those that a subject with wildcards means. */
export const isOfSubject = (subject: string, pattern: string): boolean => {
  const tokens = subject.split(".");
  const wanted = pattern.split(".");
  const isOpen = wanted.at(-1) === ">";
  if (isOpen ? tokens.length < wanted.length : tokens.length !== wanted.length) return false;
  return wanted.every(
    (token, index) => token === "*" || token === tokens[index] || (isOpen && index === wanted.length - 1),
  );
};
