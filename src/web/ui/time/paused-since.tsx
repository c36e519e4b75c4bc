import { byText } from "../../../domain/words/inbox/unfired.ts";
import { Time } from "./time.tsx";

type PausedSinceProps = {
  /** In ms since the Unix epoch. An older petit does not say it, nor who it was. */
  readonly at: number | null | undefined;
  readonly by: string | null | undefined;
};

/** Says since when something is paused and by whom, to follow `is paused`. */
export const PausedSince = ({ at, by }: PausedSinceProps) => (
  <>
    {at != null && (
      <>
        {" "}
        since <Time at={at} />
      </>
    )}
    {byText(by ?? null)}
  </>
);
