import { forgetOldest } from "../../../lib/forget-oldest.ts";

/** How many attempts are remembered; the one that was published first is forgotten first. */
const MAX_ATTEMPTS = 10_000;

type Published = {
  /** The numbers of its messages in the stream. */
  readonly messages: Set<number>;
  /** How many messages are on their way, or were sent without an answer. Their numbers are unknown. */
  unknown: number;
};

/**
 * Remembers the messages by which petit has offered attempts. Any other message with the same offer is a copy that somebody else has
 * published. Workers accept a copy while the offer is valid, because its signature is right.
 */
export class PublishedMessages {
  readonly #byAttempt = new Map<number, Published>();

  /** Publishes a message of an attempt with `publish`. */
  async note<Message extends { readonly sequence: number }>(
    attempt: number,
    publish: () => Promise<Message>,
  ): Promise<Message> {
    const published = this.#byAttempt.get(attempt) ?? { messages: new Set(), unknown: 0 };
    this.#byAttempt.set(attempt, published);
    forgetOldest(this.#byAttempt, MAX_ATTEMPTS);
    published.unknown++;
    const message = await publish();
    published.messages.add(message.sequence);
    published.unknown--;
    return message;
  }

  /** Returns whether a message was certainly not published by this process. False if that is unknown. */
  isForeign(attempt: number, message: number): boolean {
    const published = this.#byAttempt.get(attempt);
    return published !== undefined && published.unknown === 0 && !published.messages.has(message);
  }
}
