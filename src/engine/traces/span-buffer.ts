import type { Bytes } from "./protobuf.ts";

export type SpanBounds = {
  /** Maximum number of spans. */
  readonly spans: number;
  /** Maximum of their size, in bytes. */
  readonly bytes: number;
};

/** Encoded spans that wait to be sent, the oldest first, within bounds. */
export class SpanBuffer {
  readonly #bounds: SpanBounds;
  #spans: Bytes[] = [];
  #bytes = 0;

  constructor(bounds: SpanBounds) {
    this.#bounds = bounds;
  }

  get length(): number {
    return this.#spans.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Adds a span. Returns false if there is no room for it. */
  add(span: Bytes): boolean {
    const { spans, bytes } = this.#bounds;
    if (this.#spans.length >= spans || this.#bytes + span.length > bytes) return false;
    this.#spans.push(span);
    this.#bytes += span.length;
    return true;
  }

  /** Returns the oldest spans up to a bound, at least one. They stay. */
  first({ spans, bytes }: SpanBounds): readonly Bytes[] {
    let sum = 0;
    const end = this.#spans.slice(0, spans).findIndex((span, index) => {
      sum += span.length;
      return index > 0 && sum > bytes;
    });
    return this.#spans.slice(0, end === -1 ? spans : end);
  }

  /** Removes the oldest `count` spans. */
  remove(count: number): void {
    for (const span of this.#spans.slice(0, count)) this.#bytes -= span.length;
    this.#spans = this.#spans.slice(count);
  }
}
