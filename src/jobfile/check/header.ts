/** Returns why a text can't be the value of a header, or null. */
export const whyNotHeader = (text: string): string | null =>
  /^[\x20-\x7e\xa0-\xff]*$/.test(text)
    ? null
    : "contains a character that a header cannot carry; expected Latin-1 characters";
