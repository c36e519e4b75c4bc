// Subscribers of the event stream in a process of their own: PORT SUBSCRIBERS. Prints "open" when all are answered. A line
// on stdin is the number of the last event to wait for: when every subscriber has it, {delaysMs} is printed as JSON: from
// each event to when it came, for every tenth subscriber. Each event comes once, and none is left out, or this fails.
const [port = 0, subscribers = 1] = process.argv.slice(2).map(Number);

let delaysMs: number[] = [];
let until = Number.POSITIVE_INFINITY;
let behind = 0;
let caughtUp = Promise.withResolvers<void>();

const now = (): number => performance.timeOrigin + performance.now();

/** What one subscriber has. */
class Subscriber {
  seq: number | null = null;
  #text = "";
  readonly #isTimed: boolean;

  constructor(isTimed: boolean) {
    this.#isTimed = isTimed;
  }

  /** Ends with the stream. */
  async read({ body }: Response): Promise<void> {
    for await (const chunk of body ?? []) this.#take(Buffer.from(chunk).toString("latin1"));
  }

  #take(text: string): void {
    const cameAt = now();
    this.#text += text;
    for (let end = this.#text.indexOf("\n\n"); end !== -1; end = this.#text.indexOf("\n\n")) {
      this.#event(this.#text.slice(0, end), cameAt);
      this.#text = this.#text.slice(end + 2);
    }
  }

  #event(text: string, cameAt: number): void {
    if (text.startsWith(":")) return;
    const seq = Number(text.slice("id: ".length, text.indexOf("\n")));
    if (this.seq !== null && seq !== this.seq + 1) throw new Error(`event ${seq} came after ${this.seq}`);
    this.seq = seq;
    if (this.#isTimed) delaysMs.push(cameAt - Number(/"at":(\d+)/.exec(text)?.[1]));
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
