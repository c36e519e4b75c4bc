import { PETIT_SETUP, WORKER_SETUP } from "../../domain/words/worker-setup.ts";
import { CopyLine } from "../ui/copy-line.tsx";
import { Empty } from "../ui/states.tsx";

/** Explains how to start the first worker. */
export const FirstWorker = ({ hasNats }: { readonly hasNats: boolean }) => (
  <Empty title={hasNats ? "No workers yet" : "petit runs without workers"}>
    <p>
      A worker is petit on another machine. It runs the tasks whose <code>runs_on</code> names its labels; petit stays
      in charge, and their output appears here.
    </p>
    {hasNats ? (
      <>
        <p>Start one where the tasks must run:</p>
        <CopyLine text={WORKER_SETUP[0]} />
        <p>
          <code>PUBLIC_KEY</code> is what <code>petit worker keygen</code> printed. The worker appears here when it has
          said hello.
        </p>
      </>
    ) : (
      <>
        <p>
          Workers and petit talk over NATS. Create keys and a configuration for nats-server, then run petit with them:
        </p>
        {PETIT_SETUP.map(([command]) => (
          <CopyLine key={command} text={command} />
        ))}
      </>
    )}
  </Empty>
);
