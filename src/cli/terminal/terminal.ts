/** The output streams of a command: data goes to `out`, everything else to `err`. */
export type Terminal = {
  readonly out: Screen;
  readonly err: Screen;
};

/** An output stream and what it can display. */
export type Screen = {
  /** Writes. Calls `done` when the reader has room for more, but not after an error: petit exits then. */
  readonly write: (text: string | Uint8Array, done?: () => void) => void;
  readonly isTerminal: boolean;
  /** True on a terminal, unless NO_COLOR, TERM=dumb or the `color` setting turns colours off. */
  readonly color: boolean;
  /** Whether the stream is a terminal that can move its cursor. */
  readonly movesCursor: boolean;
  /** Width in characters; 80 if unknown. */
  readonly columns: () => number;
  /** Height in lines; 24 if unknown. */
  readonly rows: () => number;
};

/** The part of Node's `WriteStream` that the CLI uses. */
export type TerminalStream = {
  write(data: string | Uint8Array, done?: () => void): boolean;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
};

/** Wraps stdout and stderr. */
export const openTerminal = (
  host: {
    readonly stdout: TerminalStream;
    readonly stderr: TerminalStream;
    readonly environment: Readonly<Record<string, string | undefined>>;
  },
  options: { readonly color: boolean },
): Terminal => {
  const { stdout, stderr, environment } = host;
  const color = options.color && !environment.NO_COLOR && environment.TERM !== "dumb";
  const movesCursor = !["", "dumb"].includes(environment.TERM ?? "");
  const open = (stream: TerminalStream): Screen => openScreen(stream, { color, movesCursor });
  return { out: open(stdout), err: open(stderr) };
};

type Abilities = { readonly color: boolean; readonly movesCursor: boolean };

const openScreen = (stream: TerminalStream, { color, movesCursor }: Abilities): Screen => ({
  write: (text, done) => {
    stream.write(text, done);
  },
  isTerminal: stream.isTTY === true,
  color: stream.isTTY === true && color,
  movesCursor: stream.isTTY === true && movesCursor,
  columns: () => stream.columns || 80,
  rows: () => stream.rows || 24,
});

/** Writes, and resolves when the reader has room for more: a slow reader must not fill the memory of this process. */
export const writeWithBackpressure = ({ write }: Screen, bytes: Uint8Array): Promise<void> =>
  new Promise((resolve) => write(bytes, resolve));

const STYLES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const;
/** A text style that `paint` can apply. */
export type Style = keyof typeof STYLES;

/** Applies a style to a text if the screen shows colours. */
export const paint = (screen: Pick<Screen, "color">, style: Style, text: string): string =>
  screen.color ? `\u001b[${STYLES[style][0]}m${text}\u001b[${STYLES[style][1]}m` : text;

/** Reads standard input to its end, but at most one chunk more than `maxBytes`. */
export const readStdin = async (maxBytes: number): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of process.stdin) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxBytes) break;
  }
  return Buffer.concat(chunks);
};
