import type { DecodedChunk } from "../run-display/output-chunk.ts";
import { writerName } from "../run-display/output-chunk.ts";

/** The decoder of a stream, and the start of an escape sequence that its last chunk ended in. */
type StreamEnd = { readonly decoder: TextDecoder; rest: string };

/**
 * Makes output safe for a terminal: colours stay, all other control characters become visible. A program could otherwise move the cursor,
 * set the title, or write to the clipboard of the reader.
 */
export class TerminalText {
  readonly #streams = new Map<string, StreamEnd>();

  /** Returns the chunk as the terminal shows it. */
  show(chunk: DecodedChunk): DecodedChunk {
    const name = `${writerName(chunk)} ${chunk.attempt} ${chunk.stream}`;
    const stream = this.#streams.get(name) ?? { decoder: new TextDecoder(), rest: "" };
    this.#streams.set(name, stream);
    const text = stream.rest + stream.decoder.decode(chunk.bytes, { stream: true });
    stream.rest = UNFINISHED.exec(text)?.[0] ?? "";
    return { ...chunk, bytes: Buffer.from(visible(text.slice(0, text.length - stream.rest.length))) };
  }

  /** Returns what the last chunks ended in. */
  end(): string {
    const rests = [...this.#streams.values()].map(({ rest }) => rest).join("");
    this.#streams.clear();
    return visible(rests);
  }
}

/** The start of a colour. */
const UNFINISHED = /\u001b(?:\[[0-9;:]{0,64})?$/;

/** A colour; or a control character other than tab and line break; or one that changes the direction of text. */
const CONTROLS =
  /\u001b\[[0-9;:]*m|[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|\r(?!\n)/g;

/** Makes control characters visible, but for colours. */
export const visible = (text: string): string =>
  text.replace(CONTROLS, (found) => (found.length > 1 ? found : symbolOf(found)));

/** Returns `␛` for an escape, for example, or `\u{9b}` for a character that has no symbol. */
const symbolOf = (character: string): string => {
  const code = character.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? "\u2421" : `\\u{${code.toString(16)}}`;
};
