const WIDTH = 84;
const HEIGHT = 18;
const MARGIN = 2;

/** Draws durations as a line from the oldest to the newest, from zero up to the longest. Nothing for fewer than two. */
export const Sparkline = ({ durations }: { readonly durations: readonly number[] }) => {
  if (durations.length < 2) return null;
  const longest = Math.max(1, ...durations);
  const x = (index: number): number => MARGIN + ((WIDTH - 2 * MARGIN) * index) / (durations.length - 1);
  const y = (ms: number): number => HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * (ms / longest);
  const points = durations.map((ms, index) => `${x(index).toFixed(1)},${y(ms).toFixed(1)}`);
  return (
    <svg className="sparkline" width={WIDTH} height={HEIGHT} aria-hidden="true">
      <polyline points={points.join(" ")} />
      <circle cx={x(durations.length - 1)} cy={y(durations.at(-1) ?? 0)} r={2} />
    </svg>
  );
};
