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
        <CopyLine text={`petit worker --nats nats://HOST:4222 --trust PUBLIC_KEY --name ${NAME} --label gpu`} />
        <p>
          <code>PUBLIC_KEY</code> is what <code>petit worker keygen</code> printed. The worker appears here when it has
          said hello.
        </p>
      </>
    ) : (
      <>
        <p>
          Workers and petit talk over NATS. Create a key, a configuration for nats-server, and start petit with them:
        </p>
        <CopyLine text="petit worker keygen signing.key" />
        <CopyLine text="petit worker nats-config > nats.conf" />
        <CopyLine text="petit run JOBS_DIR --nats nats://HOST:4222 --nats-signing-key signing.key" />
      </>
    )}
  </Empty>
);

const NAME = "box7";
