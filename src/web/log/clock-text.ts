const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
  hourCycle: "h23",
});

/** Formats a local time: `14:03:09.123`. */
export const clockText = (at: number): string => CLOCK.format(at);
