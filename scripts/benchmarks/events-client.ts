// Subscribes to the event stream: events-client.ts PORT SUBSCRIBERS
// Prints "open" when all subscribers are connected. Each line on stdin is an event number: when every subscriber has received
// that event, it prints {delaysMs} as JSON, the delivery delays of every tenth subscriber. Fails if an event is missing or duplicated.
const [port = 0, subscribers = 1] = process.argv.slice(2).map(Number);

let delaysMs: number[] = [];
let until = Number.POSITIVE_INFINITY;
let behind = 0;
let caughtUp = Promise.withResolvers<void>();

const now = (): number => performance.timeOrigin + performance.now();

/** Reads one event stream and checks its sequence numbers. */
class Subscriber {
  seq: number | null = null;
  #text = "";
  readonly #isTimed: boolean;

  constructor(isTimed: boolean) {
    this.#isTimed = isTimed;
  }

  /** Resolves at the end of the stream. */
  async read({ body }: Response): Promise<void> {
    for await (const chunk of body ?? []) this.#handleText(Buffer.from(chunk).toString("latin1"));
  }

  #handleText(text: string): void {
    const receivedAt = now();
    this.#text += text;
    for (let end = this.#text.indexOf("\n\n"); end !== -1; end = this.#text.indexOf("\n\n")) {
      this.#handleEvent(this.#text.slice(0, end), receivedAt);
      this.#text = this.#text.slice(end + 2);
    }
  }

  #handleEvent(text: string, receivedAt: number): void {
    if (text.startsWith(":")) return;
    const seq = Number(text.slice("id: ".length, text.indexOf("\n")));
    if (this.seq !== null && seq !== this.seq + 1) throw new Error(`event ${seq} follows ${this.seq}`);
    this.seq = seq;
    if (this.#isTimed) delaysMs.push(receivedAt - Number(/"at":(\d+)/.exec(text)?.[1]));
    if (seq === until && --behind === 0) caughtUp.resolve();
  }
}

const all = Array.from({ length: subscribers }, (_, index) => new Subscriber(index % 10 === 0));
const responses = await Promise.all(all.map(() => fetch(`http://127.0.0.1:${port}/api/events`)));
all.forEach((subscriber, index) => {
  const response = responses[index];
  if (response !== undefined) void subscriber.read(response);
});
console.log("open");
for await (const line of console) {
  until = Number(line);
  behind = all.filter(({ seq }) => seq === null || seq < until).length;
  if (behind > 0) await caughtUp.promise;
  console.log(JSON.stringify({ delaysMs }));
  caughtUp = Promise.withResolvers();
  until = Number.POSITIVE_INFINITY;
  delaysMs = [];
}
process.exit();

export {};
