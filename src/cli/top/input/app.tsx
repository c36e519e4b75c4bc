/** @jsxImportSource react */
import { Box, Text, useApp, useInput, usePaste } from "ink";
import { memo, useEffect, useSyncExternalStore } from "react";
import type { Clock } from "../../../lib/clock.ts";
import type { Style } from "../../terminal/terminal.ts";
import type { TopStore } from "../top-store.ts";
import type { Line, Segment } from "../view/line.ts";
import { screenOf } from "../view/screen.ts";
import { ClickCounter } from "./click-counter.ts";
import { keyPresses } from "./key-presses.ts";
import type { TerminalSession } from "./terminal-session.ts";

export type AppProps = {
  readonly store: TopStore;
  readonly session: TerminalSession;
  readonly color: boolean;
  readonly clock: Pick<Clock, "monotonic">;
};

/** Draws the state, and sends keys, the mouse and changes of the size to the store. */
export const App = ({ store, session, color, clock }: AppProps) => {
  const state = useSyncExternalStore(store.subscribe, store.current);
  const { suspendTerminal } = useApp();
  useInput((input, key) => {
    for (const press of keyPresses(input, key)) store.send({ kind: "key", key: press });
  });
  usePaste((text) => store.send({ kind: "paste", text }));
  useEffect(() => {
    const clicks = new ClickCounter(clock);
    return session.watch({
      onMouse: (event) => store.send({ kind: "mouse", event, isDouble: clicks.isDouble(event) }),
      suspend: suspendTerminal,
      onResize: (columns, rows) => store.send({ kind: "resized", columns, rows }),
    });
  }, [session, store, clock, suspendTerminal]);
  const lines = screenOf(state);
  return (
    <Box flexDirection="column">
      {lines.map((line, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a line is known by its row.
        <ScreenLine key={row} line={line} color={color} />
      ))}
    </Box>
  );
};

type ScreenLineProps = { readonly line: Line; readonly color: boolean };

const ScreenLine = memo(
  ({ line, color }: ScreenLineProps) => (
    <Text wrap="truncate">
      {line.map((segment, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a segment is known by its place.
        <Text key={index} {...attributesOf(segment, color)}>
          {segment.text}
        </Text>
      ))}
    </Text>
  ),
  (before, after) => before.color === after.color && isSameLine(before.line, after.line),
);

/** Most lines stay the same between two frames. */
const isSameLine = (before: Line, after: Line): boolean =>
  before.length === after.length &&
  before.every((segment, index) => {
    const other = after[index];
    return segment.text === other?.text && segment.style === other.style && segment.inverse === other.inverse;
  });

const attributesOf = ({ style, inverse = false }: Segment, color: boolean) => ({
  inverse,
  bold: style === "bold",
  dimColor: style === "dim" && !inverse,
  ...(color && isColor(style) ? { color: style } : {}),
});

const isColor = (style: Style | undefined): style is Exclude<Style, "bold" | "dim"> =>
  style !== undefined && style !== "bold" && style !== "dim";
