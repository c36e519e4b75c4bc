/**
 * Returns an hour of the day, 10 or 20, that is 2 to 22 hours away in every zone from Greenwich to UTC+06:00: a daily
 * schedule at it does not come due while tests run, on any day. No zone skips or repeats it.
 */
export const quietHour = (now: number = Date.now()): number => (new Date(now).getUTCHours() < 12 ? 20 : 10);
