/** Where a command writes: data to `out`, everything else to `err`. */
export type Terminal = {
  readonly out: Screen;
  readonly err: Screen;
};

export type Screen = {
  readonly write: (text: string | Uint8Array) => void;
  readonly isTerminal: boolean;
  /** Whether colours are welcome: a terminal, and nobody objects. */
  readonly color: boolean;
  /** Whether it is a terminal that can move its cursor. */
  readonly movesCursor: boolean;
  /** Width in characters; 80 where it isn't known. */
  readonly columns: () => number;
  /** Height in lines; 24 where it isn't known. */
  readonly rows: () => number;
};

/** What Node calls a `WriteStream`, as far as it matters here. */
export type Stream = {
  write(data: string | Uint8Array): boolean;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
};

export const openTerminal = (
  host: {
    readonly stdout: Stream;
    readonly stderr: Stream;
    readonly environment: Readonly<Record<string, string | undefined>>;
  },
  options: { readonly color: boolean },
): Terminal => {
  const { stdout, stderr, environment } = host;
  const welcome = options.color && !environment.NO_COLOR && environment.TERM !== "dumb";
  const movesCursor = !["", "dumb"].includes(environment.TERM ?? "");
  const open = (stream: Stream): Screen => openScreen(stream, { color: welcome, movesCursor });
  return { out: open(stdout), err: open(stderr) };
};

type Abilities = { readonly color: boolean; readonly movesCursor: boolean };

const openScreen = (stream: Stream, { color, movesCursor }: Abilities): Screen => ({
  write: (text) => {
    stream.write(text);
  },
  isTerminal: stream.isTTY === true,
  color: stream.isTTY === true && color,
  movesCursor: stream.isTTY === true && movesCursor,
  columns: () => stream.columns || 80,
  rows: () => stream.rows || 24,
});

const STYLES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const;
export type Style = keyof typeof STYLES;

/** Colours the text where the screen welcomes it. */
export const paint = (screen: Pick<Screen, "color">, style: Style, text: string): string =>
  screen.color ? `\u001b[${STYLES[style][0]}m${text}\u001b[${STYLES[style][1]}m` : text;
